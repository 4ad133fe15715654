package main

import (
	"context"
	"flag"
	"log/slog"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// connection holds the flags that all commands share.
type connection struct {
	url, layout    string
	prefix, single bool
	timeout        time.Duration
	rate           int
	json           bool
}

func newConnection(flags *flag.FlagSet) *connection {
	c := &connection{}
	flags.StringVar(&c.url, "url", "", "the `URL` of Redis; without it, REDIS_URL and the variables SYMPHONY_* of pool.FromEnv apply")
	flags.StringVar(&c.layout, "layout", "", "the `NAME` of the layout of the keys: default, cluster, cluster-by-tenant or python")
	flags.BoolVar(&c.prefix, "prefix", false, "every key begins with the alias of its pool, as with Config.PrefixKeys")
	flags.BoolVar(&c.single, "single", false, "all pools share one database, as with Config.SingleDatabase")
	flags.DurationVar(&c.timeout, "timeout", 0, "the `TIME` that a call may take, such as 5s")
	flags.IntVar(&c.rate, "rate", 100_000, "how many `KEYS` a walk visits in a second, at least 1000; 0 removes the limit")
	flags.BoolVar(&c.json, "json", false, "print one JSON object a line")
	return c
}

// layouts are the layouts that -layout names.
var layouts = map[string]func() keyspace.Layout{
	"default":           keyspace.Default,
	"cluster":           keyspace.Cluster,
	"cluster-by-tenant": keyspace.ClusterByTenant,
	"python":            func() keyspace.Layout { return keyspace.Python() },
}

// open opens the pools of the environment and the flags.
func (c *connection) open(ctx context.Context, t terminal, b *bar) (*pool.Pools, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelError}))
	cfg.Cache.Disabled = true
	limit := rate.Limit(c.rate)
	if c.rate == 0 {
		limit = rate.Limit(math.Inf(1))
	}
	w := &walk{rate.NewLimiter(limit, burst), b}
	cfg.NewClient = w.newClient
	return pool.Open(ctx, cfg)
}

// config returns the configuration of the environment, changed by the flags.
func (c *connection) config() (pool.Config, error) {
	if c.rate != 0 && c.rate < burst {
		return pool.Config{}, usagef("-rate is %d; write at least %d, or 0 for no limit", c.rate, burst)
	}
	cfg, err := pool.FromEnv()
	if err != nil {
		return cfg, err
	}
	if c.url != "" {
		cfg.URL, cfg.URLs = c.url, nil
	}
	if c.layout != "" {
		layout, ok := layouts[c.layout]
		if !ok {
			return cfg, usagef("there is no layout %q; write default, cluster, cluster-by-tenant or python", c.layout)
		}
		cfg.Layout = layout()
	}
	if c.timeout != 0 {
		cfg.Timeout = c.timeout
	}
	cfg.PrefixKeys = cfg.PrefixKeys || c.prefix
	cfg.SingleDatabase = cfg.SingleDatabase || c.single
	return cfg, nil
}
