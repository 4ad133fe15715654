// Command triggers measures the triggers of Symphony, and tests them under
// failures, on servers that it starts and kills.
//
//	go run ./triggers due     # how late 20,000 of 220,000 triggers fire
//	go run ./triggers peers   # the rates, compared with asynq
//	go run ./triggers chaos   # what kill -9 of server and workers loses
//
// Each command has flags, which -h lists. redis-server must be in the path.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "worker" { // of the chaos run
		if err := work(os.Getenv("TRIGGERS_WORKER"), os.Getenv("TRIGGERS_URL")); err != nil {
			fmt.Fprintln(os.Stderr, "triggers: worker:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "triggers:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("the command is missing; use due, peers or chaos")
	}
	switch args[0] {
	case "due":
		return due(args[1:], out)
	case "peers":
		return peers(args[1:], out)
	case "chaos":
		return chaos(args[1:], out)
	}
	return fmt.Errorf("%q is not due, peers or chaos", args[0])
}
