"""A private cluster: the same deploy, by run commands, which are dear.

A run command costs a pod and half a minute, so requests are not sent one by one. While a deploy
is decided, what has no answer yet gets an empty one and is remembered, all of it is asked by one
command, and the decision is made again. Before a stage of the plan is carried out, one command
does the writes and the waits of as many stages as can be foreseen; then the executor goes over
the recorded answers as it would over a server's. What nobody foresaw is asked when it comes up.
"""
