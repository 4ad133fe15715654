// Command queues measures the workers of Symphony's queues, and those of asynq
// beside them, in turns on one server.
//
//	go run ./queues          # everything
//	go run ./queues wake     # how long an item waits for an idle worker
//	go run ./queues idle     # what idle workers send
//	go run ./queues look     # what looking costs while queues wait
//	go run ./queues order    # the rate of queues that are handled in order
//
// It starts a redis-server, which must be in the path, or uses an empty
// database: -url redis://localhost:6379/5. Each command has more flags, which
// -h lists.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/symphony-go/symphony/bench/ground"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "queues:", err)
		os.Exit(1)
	}
}

// measurement is a command of the program.
type measurement interface {
	flags(f *flag.FlagSet)
	run(ctx context.Context, g *ground.Ground, out io.Writer) error
}

var names = []string{"wake", "idle", "look", "order"}

func measurements() map[string]measurement {
	return map[string]measurement{"wake": &wake{}, "idle": &idle{}, "look": &search{}, "order": &order{}}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	all, chosen := measurements(), names
	f := flag.NewFlagSet("queues", flag.ContinueOnError)
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if !slices.Contains(names, args[0]) {
			return fmt.Errorf("%q is not one of %s", args[0], strings.Join(names, ", "))
		}
		chosen, args = args[:1], args[1:]
	}
	for name, m := range all {
		own := f
		if len(chosen) > 1 || name != chosen[0] { // its flags have their defaults
			own = flag.NewFlagSet(name, flag.ContinueOnError)
		}
		m.flags(own)
	}
	url := f.String("url", "", "the server, with the number of an empty database: redis://host:port/5; none starts a redis-server")
	force := f.Bool("force", false, "run although the database holds keys of others")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not a flag; -h lists the flags", f.Arg(0))
	}
	g, err := ground.Open(ctx, *url)
	if err != nil {
		return err
	}
	err = g.Enter(ctx, *force)
	for _, name := range chosen {
		if err == nil {
			err = all[name].run(ctx, g, out)
		}
	}
	return errors.Join(err, g.Leave())
}
