package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// work is a worker process of the chaos run. It records each attempt in a file,
// and ends when its standard input ends.
func work(log, url string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	pools, err := open(ctx, url)
	if err != nil {
		return err
	}
	defer pools.Close()
	note := func(what string, e expiry.Event) error {
		_, err := fmt.Fprintf(file, "%s %s@%d %d %d\n", what, e.ID, e.DueAt.UnixMilli(), e.Attempt, time.Now().UnixMicro())
		return err
	}
	r := expiry.NewRegistry()
	if err := expiry.OnPayload(r, "work", func(_ context.Context, e expiry.Event, i int) error {
		if strconv.Itoa(i) != e.ID {
			return fmt.Errorf("trigger %s has the payload of trigger %d", e.ID, i)
		}
		if err := note("b", e); err != nil {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		return note("e", e)
	}); err != nil {
		return err
	}
	l, err := expiry.NewListener(pools, r, expiry.Config{
		Workers: 64, Lease: 3 * time.Second, Logger: slog.New(slog.DiscardHandler), MaxAttempts: 1000, MaxExpiredLeases: 1000,
		Backoff: func(int, error) time.Duration { return 10 * time.Millisecond },
	})
	if err != nil {
		return err
	}
	return l.Run(ctx)
}

// open waits for a server that may have just been killed.
func open(ctx context.Context, url string) (*pool.Pools, error) {
	for {
		pools, err := pool.Open(ctx, pool.Config{URL: url, Timeout: 2 * time.Second})
		if err == nil || ctx.Err() != nil {
			return pools, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}
