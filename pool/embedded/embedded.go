// Package embedded opens pools on a Redis inside this process: for a first run,
// for demos and for tests, with no server to install.
//
//	pools, err := embedded.Open(ctx, pool.Config{})
//	if err != nil {
//		return err
//	}
//	defer pools.Close()
//
// Everything is in memory and gone after Close. The repositories work as on a
// server, except that nothing is cached by the client and no keyspace events
// arrive. Lifetimes run with the wall clock, in steps of some 20 ms, more with
// hundreds of thousands of keys; a key may end that much early. The server
// listens on a free port of 127.0.0.1, without a password.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/pool"
)

// Open starts a server and is pool.Open on it: the six aliases and those in
// cfg.Databases. A URL in cfg is a mistake, a *pool.ConfigError. Close of the
// Pools stops the server.
func Open(ctx context.Context, cfg pool.Config) (*pool.Pools, error) {
	if err := check(cfg); err != nil {
		return nil, err
	}
	s, err := start()
	if err != nil {
		return nil, err
	}
	defer s.release()
	cfg.URL = "redis://" + s.redis.Addr()
	cfg.NewClient = s.wrap(cfg.NewClient)
	return pool.Open(ctx, cfg)
}

func check(cfg pool.Config) error {
	const reason = "the embedded server has no URL; remove it, or call pool.Open"
	var errs []error
	if cfg.URL != "" {
		errs = append(errs, &pool.ConfigError{Field: "URL", Reason: reason})
	}
	if len(cfg.URLs) > 0 {
		errs = append(errs, &pool.ConfigError{Field: "URLs", Reason: reason})
	}
	return errors.Join(errs...)
}

// server runs until everyone who holds it has released it: Open, while it
// works, and each client.
type server struct {
	redis *miniredis.Miniredis
	clock *clock

	mu      sync.Mutex
	holders int
}

func start() (*server, error) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("embedded: start the server: %w", err)
	}
	m.Server().SetPreHook(mendGlobs)
	return &server{redis: m, clock: startClock(m.FastForward), holders: 1}, nil
}

// hold reports whether the server still runs.
func (s *server) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders == 0 {
		return false
	}
	s.holders++
	return true
}

func (s *server) release() {
	s.mu.Lock()
	s.holders--
	last := s.holders == 0
	s.mu.Unlock()
	if last {
		s.clock.stop()
		s.redis.Close()
	}
}

// wrap makes newClient give clients that hold the server until they are closed.
func (s *server) wrap(newClient func(rueidis.ClientOption) (rueidis.Client, error)) func(rueidis.ClientOption) (rueidis.Client, error) {
	if newClient == nil {
		newClient = rueidis.NewClient
	}
	return func(opt rueidis.ClientOption) (rueidis.Client, error) {
		if !s.hold() {
			return nil, errors.New("embedded: the server has stopped")
		}
		c, err := newClient(opt)
		if err != nil || c == nil {
			s.release()
			return c, err
		}
		return &client{Client: c, release: sync.OnceFunc(s.release)}, nil
	}
}

type client struct {
	rueidis.Client
	release func()
}

func (c *client) Close() {
	c.Client.Close()
	c.release()
}
