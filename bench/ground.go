package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/pool"
)

// ground is the database of a run. Everything that the run writes can be
// recognized, and clear removes it.
type ground struct {
	c      rueidis.Client
	where  string // the server and the database, without a password
	events string // of the keyspace, as they were configured; the listener of triggers turns some on
}

func openGround(ctx context.Context, url string) (*ground, error) {
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
	g := &ground{c: c, where: fmt.Sprintf("database %d of %s", o.SelectDB, o.InitAddress[0])}
	if c.Mode() == rueidis.ClientModeCluster {
		c.Close()
		return nil, fmt.Errorf("%s is a cluster, which some of the libraries do not support; use a single server", o.InitAddress[0])
	}
	if about, err := c.Do(ctx, c.B().ConfigGet().Parameter(eventsOption).Build()).AsStrMap(); err == nil {
		g.events = about[eventsOption]
	}
	return g, nil
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
func (g *ground) refuse(ctx context.Context) error {
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
		"or give -force: those keys will not be touched, but every search goes over them", g.where, foreign[0])
}

var errFound = errors.New("found")

// clear removes what this run, or an earlier one that was killed, has written.
func (g *ground) clear(ctx context.Context) error {
	err := g.walk(ctx, "*"+peers.Mark+"*", func(keys []string) error {
		return g.c.Do(ctx, g.c.B().Unlink().Key(keys...).Build()).Error()
	})
	return errors.Join(err, g.clearTasks(ctx))
}

// clearTasks removes the keys of asynq whose names are fixed: its list of
// queues, and the servers that worked on ours.
func (g *ground) clearTasks(ctx context.Context) error {
	err := g.c.Do(ctx, g.c.B().Srem().Key("asynq:queues").Member(peers.Mark).Build()).Error()
	return errors.Join(err, g.walk(ctx, "asynq:servers:*", func(keys []string) error {
		for _, key := range keys {
			about, err := g.c.Do(ctx, g.c.B().Get().Key(key).Build()).ToString()
			if err != nil || !strings.Contains(about, peers.Mark) {
				continue // gone meanwhile, or somebody else's
			}
			workers := strings.Replace(key, "asynq:servers:", "asynq:workers:", 1)
			for _, reply := range g.c.DoMulti(ctx,
				g.c.B().Unlink().Key(key, workers).Build(),
				g.c.B().Zrem().Key("asynq:servers").Member(key).Build(),
				g.c.B().Zrem().Key("asynq:workers").Member(workers).Build()) {
				if err := reply.Error(); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func (g *ground) walk(ctx context.Context, glob string, page func(keys []string) error) error {
	for cursor := uint64(0); ; {
		entry, err := g.c.Do(ctx, g.c.B().Scan().Cursor(cursor).Match(glob).Count(1000).Build()).AsScanEntry()
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

// leave clears the database, restores the server's configuration and
// disconnects. It works even if the context of the run has ended.
func (g *ground) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := g.clear(ctx)
	if now, known := g.c.Do(ctx, g.c.B().ConfigGet().Parameter(eventsOption).Build()).AsStrMap(); known == nil && now[eventsOption] != g.events {
		err = errors.Join(err, g.c.Do(ctx, g.c.B().ConfigSet().ParameterValue().ParameterValue(eventsOption, g.events).Build()).Error())
	}
	g.c.Close()
	if err != nil {
		return fmt.Errorf("could not clear %s: %w; keys that contain %q are left", g.where, err, peers.Mark)
	}
	return nil
}

// info is one line of INFO.
func (g *ground) info(ctx context.Context, name string) string {
	text, err := g.c.Do(ctx, g.c.B().Info().Build()).ToString()
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
