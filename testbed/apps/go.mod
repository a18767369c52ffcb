module aks-action/testbed/apps

go 1.26.0
