// Chat is a small service for many tenants: people write to a shop, and an
// agent answers when they stop typing. See the README.
//
//	go run -C examples/chat . # on an embedded server
//	REDIS_URL=redis://localhost:6379 go run -C examples/chat .
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Getenv); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends and all work that has begun is finished.
func run(ctx context.Context, getenv func(string) string) error {
	cfg, err := readConfig(getenv)
	if err != nil {
		return err
	}
	measured, err := newMetrics()
	if err != nil {
		return err
	}
	open := embedded.Open
	if cfg.pools.URL != "" {
		open = pool.Open
	}
	pools, err := open(ctx, measured.instrument(cfg.pools))
	if err != nil {
		return err
	}
	defer pools.Close()
	l, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("%w; ADDR names another address, such as ADDR=127.0.0.1:8081", err)
	}
	s := newService(pools, cfg.agent, measured)
	for _, tenant := range cfg.reindex {
		if err := s.reindex(ctx, tenant); err != nil {
			return err
		}
	}
	log.Printf("listening on http://%s", l.Addr())
	return s.serve(ctx, l)
}

// config is what the environment of the program says.
type config struct {
	addr  string
	pools pool.Config // without a URL it is the embedded server
	agent agentConfig

	// reindex are tenants whose indexes are completed before the service
	// begins. The searches of others walk the whole database. A service with
	// many tenants does this once, after the deployment that adds the index,
	// and whenever it creates a tenant.
	reindex []string
}

func readConfig(getenv func(string) string) (config, error) {
	think, err1 := readDuration(getenv, "THINK", 100*time.Millisecond)
	lease, err2 := readDuration(getenv, "LEASE", 30*time.Second)
	token, err3 := readDuration(getenv, "TOKEN", 40*time.Millisecond)
	return config{
		addr:    cmp.Or(getenv("ADDR"), "127.0.0.1:8080"),
		pools:   pool.Config{URL: getenv("REDIS_URL")},
		agent:   agentConfig{Think: thinkFor(think), Token: token, Lease: lease},
		reindex: strings.FieldsFunc(cmp.Or(getenv("REINDEX"), "acme,globex"), func(r rune) bool { return r == ',' }),
	}, errors.Join(err1, err2, err3)
}

func readDuration(getenv func(string) string, name string, fallback time.Duration) (time.Duration, error) {
	text := cmp.Or(getenv(name), fallback.String())
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s=%q is not a positive duration; use one such as %s=700ms, or unset it for %v", name, text, name, fallback)
	}
	return d, nil
}
