package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

// The exit codes.
const (
	exitOK         = 0 // done, and no problems
	exitProblem    = 1 // problems were found, or the command could not do its work
	exitUsage      = 2 // the command line or the environment is invalid
	exitConnection = 3 // Redis did not answer
)

// terminal is the input and the outputs of the program.
type terminal struct {
	in                                         io.Reader
	out, err                                   io.Writer
	inIsTerminal, outIsTerminal, errIsTerminal bool
}

// command is a subcommand.
type command struct {
	name, args, summary string

	// setup defines the flags of the command and returns the function that runs
	// it.
	setup func(*flag.FlagSet) func(context.Context, *session) error
}

// commands returns all subcommands in the order of the help.
func commands() []command {
	return []command{
		tenantsCommand, showCommand, queuesCommand, triggersCommand, deadCommand, retryCommand, discardCommand,
		eraseCommand, exportCommand, importCommand, topCommand, checkCommand, serveCommand,
	}
}

// session is a run of a command.
type session struct {
	terminal
	*connection
	pools *pool.Pools
	args  []string // those that are not flags
	bar   *bar
}

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// usagef returns a usageError. It hides URLs: one in the wrong place, such as
// that of Redis without -url, may contain a password.
func usagef(format string, args ...any) error {
	return usageError{misplacedURL.ReplaceAllString(fmt.Sprintf(format, args...), "(URL not shown)")}
}

var misplacedURL = regexp.MustCompile(`[a-zA-Z]+://[^\s]*[^\s";:]`)

// errProblem reports problems that were printed already.
var errProblem = errors.New("problems were found")

// run runs the command that the arguments name and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	err := dispatch(ctx, args, t)
	if err != nil && !errors.Is(err, errProblem) {
		fmt.Fprintln(t.err, "symphony:", strings.TrimPrefix(err.Error(), "symphony: ")) //nolint:errcheck // there is nothing to do about it
	}
	return exitCode(err)
}

// exitCode returns the exit code for the error of a command.
func exitCode(err error) int {
	var usage usageError
	var config *pool.ConfigError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.As(err, &config), errors.Is(err, symphony.ErrInvalidKey), errors.Is(err, symphony.ErrUnknownPool):
		return exitUsage
	case isConnection(err):
		return exitConnection
	}
	return exitProblem
}

// isConnection reports whether Redis did not answer.
func isConnection(err error) bool {
	var connect *pool.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, rueidis.ErrClosing)
}

func dispatch(ctx context.Context, args []string, t terminal) error {
	if len(args) == 0 {
		return usagef("write a command, such as symphony tenants; symphony help lists them")
	}
	name, args := args[0], args[1:]
	if name == "help" && len(args) == 1 {
		name, args = args[0], []string{"-h"}
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, name) {
		_, err := io.WriteString(t.out, overview())
		return err
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args, t)
		}
	}
	return usagef("there is no command %q; symphony help lists the commands", name)
}

// overview returns the help of the program.
func overview() string {
	var b strings.Builder
	b.WriteString("symphony shows and repairs what the repositories of Symphony hold in Redis.\n\n" +
		"usage: symphony COMMAND [FLAGS] [ARGUMENTS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-9s %s\n", c.name, c.summary)
	}
	b.WriteString("\nsymphony help COMMAND lists the flags of a command. Redis is at -url, or at REDIS_URL.\n\n" +
		"exit codes: 0 done, 1 problems were found or the command failed, 2 wrong usage, 3 Redis did not answer\n")
	return b.String()
}

// run parses the flags, opens the pools and runs the command.
func (c command) run(ctx context.Context, args []string, t terminal) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s := &session{terminal: t, connection: newConnection(flags)}
	do := c.setup(flags)
	var err error
	switch s.args, err = parse(flags, args); {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(t.out, c.help(flags))
		return err
	case err != nil:
		return usagef("%s: %s; symphony help %s lists the flags", c.name, err, c.name)
	case c.args == "" && len(s.args) > 0:
		return usagef("%s takes no arguments, but got %q; symphony help %s lists the flags", c.name, s.args[0], c.name)
	}
	s.bar = newBar(t)
	defer s.bar.hide()
	if s.pools, err = s.open(ctx, t, s.bar); err != nil {
		return err
	}
	defer s.pools.Close()
	err = do(ctx, s)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// parse parses flags before, between and after the arguments, and returns the
// arguments. After "--", everything is an argument.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		parsed := args[:len(args)-flags.NArg()]
		if flags.NArg() == 0 || len(parsed) > 0 && parsed[len(parsed)-1] == "--" {
			return append(rest, flags.Args()...), nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

// help returns the help of the command.
func (c command) help(flags *flag.FlagSet) string {
	var b bytes.Buffer
	usage := strings.TrimSpace("usage: symphony " + c.name + " [FLAGS] " + c.args)
	fmt.Fprintf(&b, "%s\n\n%s\n\n", usage, c.summary)
	flags.SetOutput(&b)
	flags.PrintDefaults()
	return b.String()
}
