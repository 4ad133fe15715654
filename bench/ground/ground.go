// Package ground prepares the database of a run, and restores it.
package ground

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/server"
	"github.com/symphony-go/symphony/pool"
)

// Ground is the database of a run. Everything that the run writes can be
// recognized, and Clear removes it.
type Ground struct {
	Client rueidis.Client
	URL    string
	Where  string         // the server and the database, without a password
	Own    *server.Server // nil: it is the server of the user
	events string         // of the keyspace, as they were configured; the listener of triggers turns some on
}

// Open connects to the database of url. If url is empty, it starts a server,
// which Leave ends.
func Open(ctx context.Context, url string) (*Ground, error) {
	if url != "" {
		return connect(ctx, url)
	}
	if _, err := exec.LookPath(server.Program); err != nil {
		return nil, errors.New("without -url, the program needs redis-server in the path: pass -url redis://host:port/database, or install Redis with `make redis`")
	}
	s, err := server.Start()
	if err != nil {
		return nil, err
	}
	g, err := connect(ctx, s.URL())
	if err != nil {
		s.Close()
		return nil, err
	}
	g.Own = s
	return g, nil
}

func connect(ctx context.Context, url string) (*Ground, error) {
	if err := answers(ctx, url); err != nil {
		return nil, err
	}
	o, err := rueidis.ParseURL(url)
	if err != nil || len(o.InitAddress) != 1 {
		return nil, errors.New("-url must be the URL of a single server: redis://host:port/database, or rediss:// for TLS")
	}
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: %w", o.InitAddress[0], err)
	}
	g := &Ground{Client: c, URL: url, Where: fmt.Sprintf("database %d of %s", o.SelectDB, o.InitAddress[0])}
	if c.Mode() == rueidis.ClientModeCluster {
		c.Close()
		return nil, fmt.Errorf("%s is a cluster, which some of the libraries do not support; use a single server", o.InitAddress[0])
	}
	if about, err := c.Do(ctx, c.B().ConfigGet().Parameter(eventsOption).Build()).AsStrMap(); err == nil {
		g.events = about[eventsOption]
	}
	return g, nil
}

// Enter removes what a run that was killed has left. If the database then
// contains keys of other programs, Enter returns an error, unless it is forced.
func (g *Ground) Enter(ctx context.Context, force bool) error {
	if !force {
		if err := g.clearTasks(ctx); err != nil {
			return err
		}
		if err := g.refuse(ctx); err != nil {
			return err
		}
	}
	return g.Clear(ctx)
}

// answers pings the server through the pools, because their errors never
// contain the password of the URL.
func answers(ctx context.Context, url string) error {
	pools, err := pool.Open(ctx, pool.Config{URLs: map[pool.Alias]string{"bench": url}})
	if err != nil {
		return fmt.Errorf("-url: %w", err)
	}
	pools.Close()
	return nil
}

const eventsOption = "notify-keyspace-events"

// refuse returns the error for a database that contains other keys.
func (g *Ground) refuse(ctx context.Context) error {
	var foreign []string
	if err := g.walk(ctx, "*", func(keys []string) error {
		for _, key := range keys {
			if !strings.Contains(key, peers.Mark) {
				foreign = append(foreign, key)
			}
		}
		if len(foreign) > 0 {
			return errFound
		}
		return nil
	}); err != nil && !errors.Is(err, errFound) {
		return err
	}
	if len(foreign) == 0 {
		return nil
	}
	return fmt.Errorf("%s contains keys of other programs, such as %q; use an empty database in -url (redis://host:port/5), "+
		"or give -force: those keys will not be touched, but every search goes over them", g.Where, foreign[0])
}

var errFound = errors.New("found")

// Clear removes what this run, or an earlier one that was killed, has written.
func (g *Ground) Clear(ctx context.Context) error {
	err := g.walk(ctx, "*"+peers.Mark+"*", func(keys []string) error {
		return g.Client.Do(ctx, g.Client.B().Unlink().Key(keys...).Build()).Error()
	})
	return errors.Join(err, g.clearTasks(ctx))
}

// clearTasks removes the keys of asynq whose names are fixed: its list of
// queues, and the servers that worked on ours.
func (g *Ground) clearTasks(ctx context.Context) error {
	err := g.Client.Do(ctx, g.Client.B().Srem().Key("asynq:queues").Member(peers.Mark).Build()).Error()
	return errors.Join(err, g.walk(ctx, "asynq:servers:*", func(keys []string) error {
		for _, key := range keys {
			about, err := g.Client.Do(ctx, g.Client.B().Get().Key(key).Build()).ToString()
			if err != nil || !strings.Contains(about, peers.Mark) {
				continue // gone meanwhile, or somebody else's
			}
			workers := strings.Replace(key, "asynq:servers:", "asynq:workers:", 1)
			for _, reply := range g.Client.DoMulti(ctx,
				g.Client.B().Unlink().Key(key, workers).Build(),
				g.Client.B().Zrem().Key("asynq:servers").Member(key).Build(),
				g.Client.B().Zrem().Key("asynq:workers").Member(workers).Build()) {
				if err := reply.Error(); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func (g *Ground) walk(ctx context.Context, glob string, page func(keys []string) error) error {
	for cursor := uint64(0); ; {
		entry, err := g.Client.Do(ctx, g.Client.B().Scan().Cursor(cursor).Match(glob).Count(1000).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		if len(entry.Elements) > 0 {
			if err := page(entry.Elements); err != nil {
				return err
			}
		}
		if cursor = entry.Cursor; cursor == 0 {
			return nil
		}
	}
}

// Leave clears the database, restores the server's configuration and
// disconnects. It works even if the context of the run has ended.
func (g *Ground) Leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := g.Clear(ctx)
	if now, known := g.Client.Do(ctx, g.Client.B().ConfigGet().Parameter(eventsOption).Build()).AsStrMap(); known == nil && now[eventsOption] != g.events {
		err = errors.Join(err, g.Client.Do(ctx, g.Client.B().ConfigSet().ParameterValue().ParameterValue(eventsOption, g.events).Build()).Error())
	}
	g.Client.Close()
	if g.Own != nil {
		g.Own.Close()
	}
	if err != nil {
		return fmt.Errorf("could not clear %s: %w; keys that contain %q are left", g.Where, err, peers.Mark)
	}
	return nil
}

// Usage returns what the server has used since it started.
func (g *Ground) Usage(ctx context.Context) (contest.Usage, error) {
	return contest.UsageOf(ctx, g.Client)
}

// Info is one line of INFO.
func (g *Ground) Info(ctx context.Context, name string) string {
	text, err := g.Client.Do(ctx, g.Client.B().Info().Build()).ToString()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
