package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
)

var topCommand = command{
	name: "top", summary: "show the servers of the pools, again and again",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		interval := flags.Duration("interval", 2*time.Second, "the `TIME` between two looks")
		times := flags.Int("n", 0, "how often to look; 0 looks until it is interrupted or, without a terminal, once")
		return func(ctx context.Context, s *session) error {
			if *interval <= 0 || *times < 0 {
				return usagef("-interval must be positive, and -n must not be negative")
			}
			if *times == 0 && !s.outIsTerminal {
				*times = 1
			}
			return s.top(ctx, *interval, *times)
		}
	},
}

// top shows the servers the given number of times, or without end if it is 0.
func (s *session) top(ctx context.Context, interval time.Duration, times int) error {
	report, err := s.pools.Report(ctx)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for i := 1; ; i++ {
		servers, err := inspect.Servers(ctx, s.pools)
		if ctx.Err() != nil {
			return nil // an interrupt is how it ends
		}
		if err != nil {
			return err
		}
		if err := s.printServers(servers, report.Findings); err != nil || i == times {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// clearScreen moves to the first line of a terminal and empties it.
const clearScreen = "\x1b[H\x1b[2J"

func (s *session) printServers(servers []inspect.Server, findings []string) error {
	if s.outIsTerminal && !s.json {
		_, _ = io.WriteString(s.out, clearScreen)
	}
	_, err := printRows(s, []column[inspect.Server]{
		{"SERVER", func(r inspect.Server) string { return plain(r.Addr) }},
		{"VERSION", func(r inspect.Server) string { return plain(r.Version) }},
		{"ROLE", func(r inspect.Server) string { return plain(r.Role) }},
		{"MEMORY", func(r inspect.Server) string { return size(r.Memory) }},
		{"LIMIT", func(r inspect.Server) string {
			if r.Limit == 0 {
				return "none"
			}
			return size(r.Limit)
		}},
		{"CLIENTS", func(r inspect.Server) string { return number(r.Clients) }},
		{"OPS/S", func(r inspect.Server) string { return number(r.Ops) }},
		{"KEYS", func(r inspect.Server) string { return number(r.Keys) }},
		{"EXPIRING", func(r inspect.Server) string { return number(r.Expiring) }},
		{"POOLS", func(r inspect.Server) string {
			names := make([]string, len(r.Pools))
			for i, a := range r.Pools {
				names[i] = string(a)
			}
			return strings.Join(names, " ")
		}},
	}, func(yield func(inspect.Server, error) bool) {
		for _, server := range servers {
			if !yield(server, nil) {
				return
			}
		}
	})
	for _, finding := range findings {
		if err == nil && !s.json {
			_, err = fmt.Fprintln(s.out, plain(finding))
		}
	}
	return err
}
