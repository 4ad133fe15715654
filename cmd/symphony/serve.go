package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
)

var serveCommand = command{
	name: "serve", summary: "show all of this on a page, at http://127.0.0.1:8075/; read-only without -write",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		view := viewFlags(flags)
		addr := flags.String("addr", "127.0.0.1:8075", "the `HOST:PORT` to listen on; the page has no login")
		write := flags.Bool("write", false, "allow retry, discard, run now and erase")
		hosts := flags.String("host", "", "`NAMES` by which browsers may reach the page, with commas between them; localhost and the address always may")
		return func(ctx context.Context, s *session) error {
			v, err := view()
			if err != nil {
				return err
			}
			if s.json {
				return usagef("serve has no -json")
			}
			opts := []inspect.Option{inspect.Codec(v.Codec), inspect.Rate(s.rate), inspect.AllowedHosts(strings.FieldsFunc(*hosts, func(r rune) bool { return r == ',' })...)}
			if v.Redact {
				opts = append(opts, inspect.Redact())
			}
			if *write {
				opts = append(opts, inspect.Write())
			}
			return s.serve(ctx, *addr, *write, opts)
		}
	},
}

// serve serves the page until ctx ends.
func (s *session) serve(ctx context.Context, addr string, write bool, opts []inspect.Option) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("-addr is %q; write a host and a port, such as 127.0.0.1:8075", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return errors.New(err.Error()) // not an error of the connection to Redis
	}
	s.bar.hide()
	mode := "read-only"
	if write {
		mode = "with -write"
	}
	if _, err := fmt.Fprintf(s.out, "http://%s/ (%s); Ctrl-C ends it\n", listener.Addr(), mode); err != nil {
		return errors.Join(err, listener.Close())
	}
	if own, err := netip.ParseAddrPort(listener.Addr().String()); err == nil && !own.Addr().IsLoopback() {
		_, _ = fmt.Fprintln(s.err, "the page has no login: everyone who can reach this address sees all data of all tenants")
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		opts = append(opts, inspect.AllowedHosts(host))
	}
	opts = append(opts, inspect.Logger(slog.New(slog.NewTextHandler(s.err, nil))))
	debug.SetGCPercent(30) // little memory is worth more here than speed
	server := &http.Server{
		Handler: inspect.Handler(s.pools, opts...), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.NewTextHandler(s.err, nil), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
