// Package program runs the programs that measure several things on one
// database, one after another or one alone.
package program

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

// Measurement is a command of a program.
type Measurement interface {
	Flags(f *flag.FlagSet)
	Run(ctx context.Context, g *ground.Ground, out io.Writer) error
}

// Command is the name of a measurement, and a function that makes one.
type Command struct {
	Name string
	New  func() Measurement
}

// Program is the name of a program and its commands, in order.
type Program struct {
	Name     string
	Commands []Command
}

// Main runs the program with the arguments of the process, and exits if it
// fails.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends the program at once
	if err := p.Run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, p.Name+":", err)
		os.Exit(1)
	}
}

// Run runs the command that the first argument names, with its flags. Without a
// name it runs all of them.
func (p Program) Run(ctx context.Context, args []string, out io.Writer) error {
	chosen := p.Commands
	f := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		i := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Name == args[0] })
		if i < 0 {
			return fmt.Errorf("%q is not one of %s", args[0], strings.Join(p.names(), ", "))
		}
		chosen, args = p.Commands[i:i+1], args[1:]
	}
	var all []Measurement
	for _, c := range chosen {
		m, own := c.New(), f
		if len(chosen) > 1 { // its flags have their defaults
			own = flag.NewFlagSet(c.Name, flag.ContinueOnError)
		}
		m.Flags(own)
		all = append(all, m)
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
	for _, m := range all {
		if err == nil {
			err = m.Run(ctx, g, out)
		}
	}
	return errors.Join(err, g.Leave())
}

func (p Program) names() []string {
	all := make([]string, len(p.Commands))
	for i, c := range p.Commands {
		all[i] = c.Name
	}
	return all
}
