// Package embedded opens pools on a Redis server in this process. It is for a
// first run, for demos and for tests, because no server has to be installed.
//
//	pools, err := embedded.Open(ctx, pool.Config{})
//	if err != nil {
//		return err
//	}
//	defer pools.Close()
//
// The server keeps all data in memory, and loses it on [pool.Pools.Close]. It
// listens on a free port of 127.0.0.1, without a password.
//
// The repositories behave as on a Redis server, with these exceptions:
//
//   - There is no client-side caching. The option Cached has no effect.
//   - There are no keyspace events. CONFIG SET accepts notify-keyspace-events
//     without an effect.
//   - Hash fields have no lifetimes: [pool.Pools.SupportsFieldTTL] returns
//     false.
//   - The clock of [Open] advances in steps of about 20 ms, and in longer steps
//     if there are hundreds of thousands of keys. A key may expire this much
//     too early.
//
// For tests, [New] opens pools whose time stands still until the test moves it,
// so that a trigger of tomorrow fires at once:
//
//	pools, clock := embedded.New(t)
//	clock.Go(listener.Run)
//	...
//	clock.Advance(24 * time.Hour)
//	err := clock.Settle(t.Context()) // the handlers have returned
package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2"
	mini "github.com/alicebob/miniredis/v2/server"
	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/pool"
)

// Open starts a server and opens pools on it, as [pool.Open] does. The aliases
// are the predefined six and those in cfg.Databases. [pool.Pools.Close] stops
// the server.
//
// If cfg contains a URL, Open returns a *[pool.ConfigError]. It also returns
// the errors of [pool.Open], and an error if the server cannot listen.
func Open(ctx context.Context, cfg pool.Config) (*pool.Pools, error) {
	if err := checkNoURL(cfg); err != nil {
		return nil, err
	}
	s, err := startServer()
	if err != nil {
		return nil, err
	}
	defer s.release()
	s.clock = startWallClock(s.redis.FastForward)
	return s.open(ctx, cfg)
}

func checkNoURL(cfg pool.Config) error {
	const reason = "the embedded server has no URL; remove the URL from the Config, or call pool.Open"
	var errs []error
	if cfg.URL != "" {
		errs = append(errs, &pool.ConfigError{Config: "pool.Config", Field: "URL", Reason: reason})
	}
	if len(cfg.URLs) > 0 {
		errs = append(errs, &pool.ConfigError{Config: "pool.Config", Field: "URLs", Reason: reason})
	}
	return errors.Join(errs...)
}

// server runs until all its users have released it. The users are Open, until
// it returns, and each client, until it is closed.
type server struct {
	redis   *miniredis.Miniredis
	scripts *scripts
	clock   *wallClock // nil if a test moves the time

	mu    sync.Mutex
	users int
}

func startServer() (*server, error) {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		return nil, fmt.Errorf("embedded: start the server: %w", err)
	}
	s := &server{redis: m, scripts: newScripts(m), users: 1}
	commands := m.Server() // Close sets it to nil while a hook may run
	commands.SetPreHook(func(p *mini.Peer, cmd string, args ...string) bool {
		return rewriteGlobs(p, cmd, args...) || refuseIncrement(commands, p, cmd, args...) ||
			refuseEntry(commands, p, cmd, args...) || s.scripts.hook(p, cmd, args...)
	})
	if err := commands.Register("CONFIG", config); err != nil {
		m.Close()
		return nil, fmt.Errorf("embedded: register CONFIG: %w", err)
	}
	return s, nil
}

// open opens pools on the server.
func (s *server) open(ctx context.Context, cfg pool.Config) (*pool.Pools, error) {
	cfg.URL = "redis://" + s.redis.Addr()
	cfg.NewClient = s.wrapNewClient(cfg.NewClient)
	cfg.Cache.Disabled = true // the server has no CLIENT TRACKING
	return pool.Open(ctx, cfg)
}

// config runs the command CONFIG, which miniredis does not have. Listeners turn
// keyspace events on with it. It accepts that, although there are none, since
// listeners find their work without events.
func config(c *mini.Peer, _ string, args []string) {
	switch {
	case len(args) > 1 && strings.EqualFold(args[0], "GET"):
		c.WriteMapLen(0)
	case len(args) == 3 && strings.EqualFold(args[0], "SET") && strings.EqualFold(args[1], "notify-keyspace-events"):
		c.WriteOK()
	default:
		c.WriteError("ERR the embedded server has no settings")
	}
}

// retain adds a user. It reports whether the server still runs.
func (s *server) retain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		return false
	}
	s.users++
	return true
}

func (s *server) release() {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if last {
		if s.clock != nil {
			s.clock.stop()
		}
		s.redis.Close()
	}
}

// wrapNewClient returns newClient, or rueidis.NewClient if it is nil, with
// clients that use the server until they are closed.
func (s *server) wrapNewClient(newClient func(rueidis.ClientOption) (rueidis.Client, error)) func(rueidis.ClientOption) (rueidis.Client, error) {
	if newClient == nil {
		newClient = rueidis.NewClient
	}
	return func(opt rueidis.ClientOption) (rueidis.Client, error) {
		if !s.retain() {
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
