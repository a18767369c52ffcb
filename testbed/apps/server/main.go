// Command server is a well-behaved web server for tests: it finishes its requests on SIGTERM, and
// misbehaves in one chosen way when its environment says so.
//
//	VERSION       what `/` answers (default: the build's)
//	ADDRESS       where it listens (default :8080)
//	READY         "never": /healthz answers 503 for ever; "5s": until then
//	CRASH_AFTER   "3s": exit with 1 after that time; "0s": at once
//	DELAY         "200ms": how long `/` takes
//	SETTING       shown by /config, so that a deploy's ConfigMap or Secret can be seen
//	CONFIG_FILE   shown by /config, read at every request
//	STOP_AFTER    how long it serves on after SIGTERM (default 0s): until endpoints are updated
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var version = "unknown"

func setting(name, otherwise string) string {
	if value, found := os.LookupEnv(name); found {
		return value
	}
	return otherwise
}

func duration(name string) time.Duration {
	value, err := time.ParseDuration(setting(name, "0s"))
	if err != nil {
		log.Fatalf("%s is not a duration like 3s: %v", name, err)
	}
	return value
}

func crashLater() {
	if _, found := os.LookupEnv("CRASH_AFTER"); !found {
		return
	}
	after := duration("CRASH_AFTER")
	go func() {
		time.Sleep(after)
		log.Fatalf("crashing after %s, as CRASH_AFTER says", after)
	}()
}

func readiness() func() bool {
	if setting("READY", "") == "never" {
		return func() bool { return false }
	}
	from := time.Now().Add(duration("READY"))
	return func() bool { return !time.Now().Before(from) }
}

func routes() http.Handler {
	isReady := readiness()
	delay := duration("DELAY")
	host, _ := os.Hostname()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		time.Sleep(delay)
		answer.Header().Set("X-Pod", host)
		fmt.Fprintln(answer, setting("VERSION", version))
	})
	mux.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) {
		if !isReady() {
			http.Error(answer, "not ready, as READY says", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(answer, "ok")
	})
	mux.HandleFunc("/config", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(answer, "SETTING=%s\n", setting("SETTING", ""))
		if path := setting("CONFIG_FILE", ""); path != "" {
			content, err := os.ReadFile(path)
			if err != nil {
				content = []byte(err.Error())
			}
			fmt.Fprintf(answer, "%s:\n%s\n", path, content)
		}
	})
	return mux
}

func main() {
	crashLater()
	server := &http.Server{
		Addr:              setting("ADDRESS", ":8080"),
		Handler:           routes(),
		ReadHeaderTimeout: 10 * time.Second,
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan struct{})
	go func() {
		<-stop
		time.Sleep(duration("STOP_AFTER"))
		limit, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := server.Shutdown(limit); err != nil {
			log.Printf("requests cut off: %v", err)
		}
		close(ended)
	}()
	log.Printf("version %s listens on %s", setting("VERSION", version), server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-ended
}
