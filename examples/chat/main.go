// Chat is a small service for many tenants: people write to a shop, and an
// agent answers when they stop typing. See the README.
//
//	go run ./examples/chat # on an embedded server
//	REDIS_URL=redis://localhost:6379 go run ./examples/chat
package main

import (
	"cmp"
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends and all work that has begun is finished.
func run(ctx context.Context, addr string) error {
	open, cfg := embedded.Open, pool.Config{URL: os.Getenv("REDIS_URL")}
	if cfg.URL != "" {
		open = pool.Open
	}
	pools, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer pools.Close()
	s, err := newService(pools)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf("listening on http://%s", l.Addr())
	return s.serve(ctx, l)
}
