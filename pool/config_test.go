package pool_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

func TestOpenReturnsAllMistakesAndContactsNoServer(t *testing.T) {
	fs := &fakeClients{err: func(rueidis.ClientOption) error { return errors.New("contacted") }}
	layout := keyspace.Default()
	layout.Trigger = keyspace.Pattern{}
	_, err := pool.Open(t.Context(), pool.Config{
		URL: "http://h",
		URLs: map[pool.Alias]string{
			"user":     "redis://h:notaport",
			"a:b":      "redis://h/1",
			"one":      "redis://g/4",
			"two":      "redis://g/4",
			"handlers": "redis://i/3",
		},
		Databases:       map[pool.Alias]int{"neg": -1, "": 3, "handlers": 4},
		Layout:          layout,
		Timeout:         -time.Second,
		MaxValueBytes:   -1,
		MaxDecodedBytes: -1,
		NewClient:       fs.NewClient,
	})
	var fields []string
	for _, m := range split[*pool.ConfigError](t, err) {
		fields = append(fields, m.Field)
		require.Contains(t, err.Error(), m.Error())
	}
	require.ElementsMatch(t, []string{
		"URL", "URLs[user]", "URLs[a:b]", "Databases[neg]", "Databases[]", "Databases[handlers]", "Databases[two]",
		"Layout.Trigger", "Timeout", "MaxValueBytes", "MaxDecodedBytes",
	}, fields)
	require.NotContains(t, err.Error(), "contacted")
}

func TestConfigErrors(t *testing.T) {
	urls := func(kv ...string) map[pool.Alias]string {
		m := make(map[pool.Alias]string)
		for i := 0; i < len(kv); i += 2 {
			m[pool.Alias(kv[i])] = kv[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		cfg   pool.Config
		field string
		parts []string // of the reason: what is wrong, and how to correct it
	}{
		"an added alias without a URL": {
			pool.Config{URLs: urls("user", "redis://h"), Databases: map[pool.Alias]int{"jobs": 3}},
			"Databases[jobs]", []string{"no URL", "Config.URLs[jobs]"},
		},
		"a predefined alias without a URL": {
			pool.Config{URLs: urls("user", "redis://h"), Databases: map[pool.Alias]int{"handlers": 3}},
			"Databases[handlers]", []string{"no URL"},
		},
		"two numbers": {
			pool.Config{URLs: urls("user", "redis://h/3"), Databases: map[pool.Alias]int{"user": 4}},
			"Databases[user]", []string{"4", "database 3", "remove one"},
		},
		"two aliases in one database": {
			pool.Config{Databases: map[pool.Alias]int{"user": 15}},
			"Databases[user]", []string{"default and user", "database 15", "another database", "PrefixKeys"},
		},
		"one database under two logins and two names of its host": {
			pool.Config{URLs: urls("a", "redis://x:y@localhost/2", "b", "redis://127.0.0.1:6379?db=2")},
			"Databases[b]", []string{"a and b", "database 2"},
		},
		"white space in an alias": {
			pool.Config{Databases: map[pool.Alias]int{"my jobs": 3}},
			"Databases[my jobs]", []string{"white space", "plain word"},
		},
		"a brace in an alias": {
			pool.Config{URLs: urls("{a}", "redis://h/1")},
			"URLs[{a}]", []string{"{ }"},
		},
		"a percent sign in an alias": {
			pool.Config{Databases: map[pool.Alias]int{"a%": 3}},
			"Databases[a%]", []string{"%"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.NewClient = new(fakeClients).NewClient
			_, err := pool.Open(t.Context(), c.cfg)
			ms := split[*pool.ConfigError](t, err)
			require.Len(t, ms, 1, "%v", err)
			require.Equal(t, c.field, ms[0].Field)
			for _, s := range c.parts {
				require.Contains(t, ms[0].Reason, s)
			}
		})
	}
}

// location is an address and a database.
type location struct {
	addr string
	db   int
}

func TestServerAndDatabaseOfAliases(t *testing.T) {
	const local = "127.0.0.1:6379"
	all := func(addr string, change map[pool.Alias]location) map[pool.Alias]location {
		m := make(map[pool.Alias]location)
		for a, db := range predefinedDatabases {
			m[a] = location{addr, db}
		}
		maps.Copy(m, change)
		return m
	}
	for name, c := range map[string]struct {
		cfg  pool.Config
		want map[pool.Alias]location
	}{
		"nothing": {pool.Config{}, all(local, nil)},
		"a URL":   {pool.Config{URL: "redis://h:1"}, all("h:1", nil)},
		"a URL with a number": {
			pool.Config{URL: "redis://h:1/4"}, all("h:1", nil),
		},
		"databases": {
			pool.Config{Databases: map[pool.Alias]int{"user": 2, "jobs": 3}},
			all(local, map[pool.Alias]location{"user": {local, 2}, "jobs": {local, 3}}),
		},
		"a URL and others": {
			pool.Config{URL: "redis://h:1", URLs: map[pool.Alias]string{
				"user": "redis://u:1", "expiry": "redis://u:1/0", "jobs": "redis://u:1/5",
			}},
			all("h:1", map[pool.Alias]location{"user": {"u:1", 11}, "expiry": {"u:1", 0}, "jobs": {"u:1", 5}}),
		},
		"only URLs": {
			pool.Config{
				URLs:      map[pool.Alias]string{"user": "redis://u:1", "jobs": "redis://j:1", "mail": "redis://j:1"},
				Databases: map[pool.Alias]int{"mail": 6},
			},
			map[pool.Alias]location{"user": {"u:1", 11}, "jobs": {"j:1", 0}, "mail": {"j:1", 6}},
		},
		"the same number twice": {
			pool.Config{
				URLs:      map[pool.Alias]string{"user": "redis://u:1/3"},
				Databases: map[pool.Alias]int{"user": 3},
			},
			map[pool.Alias]location{"user": {"u:1", 3}},
		},
		"one database with prefixes": {
			pool.Config{
				PrefixKeys: true,
				URLs:       map[pool.Alias]string{"user": "redis://u:1/3", "jobs": "redis://u:1/3"},
			},
			map[pool.Alias]location{"user": {"u:1", 3}, "jobs": {"u:1", 3}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs := new(fakeClients)
			c.cfg.NewClient = fs.NewClient
			c.cfg.Logger = slog.New(slog.DiscardHandler)
			pools, err := pool.Open(t.Context(), c.cfg)
			require.NoError(t, err)
			defer pools.Close()
			require.Equal(t, slices.Sorted(maps.Keys(c.want)), pools.Aliases())
			var got []location
			for _, f := range fs.open() {
				got = append(got, location{f.opt.InitAddress[0], f.opt.SelectDB})
				require.True(t, f.opt.ForceSingleClient)
			}
			require.ElementsMatch(t, slices.Collect(maps.Values(c.want)), got)
			for _, a := range pools.Aliases() {
				prefix := ""
				if c.cfg.PrefixKeys {
					prefix = string(a) + ":"
				}
				require.Equal(t, prefix, pools.Prefix(a))
			}
		})
	}
}

func TestDatabaseNumberInTheURLIsLogged(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for url, lines := range map[string]int{"redis://:hunter2@h/3": 1, "redis://h?db=0": 1, "redis://:hunter2@h": 0, "redis://h/": 0} {
		log.Reset()
		pools, err := pool.Open(t.Context(), pool.Config{URL: url, Logger: logger, NewClient: new(fakeClients).NewClient})
		require.NoError(t, err)
		pools.Close()
		require.Equal(t, lines, bytes.Count(log.Bytes(), []byte("\n")), "%s", log.String())
		require.NotContains(t, log.String(), "hunter2")
	}
}

func TestDefaults(t *testing.T) {
	fs := new(fakeClients)
	pools, err := pool.Open(t.Context(), pool.Config{NewClient: fs.NewClient})
	require.NoError(t, err)
	defer pools.Close()
	require.Equal(t, 16<<20, pools.MaxValueBytes())
	require.Equal(t, 512<<20, pools.MaxDecodedBytes())
	require.True(t, pools.Layout() == keyspace.Default())
	f := fs.open()[0]
	require.NotNil(t, f.opt.NewCacheStoreFn, "otherwise rueidis caches up to 128 MiB for each connection")
	require.Equal(t, "symphony", f.opt.ClientName)
	require.Equal(t, 5*time.Second, f.opt.Dialer.Timeout)
	require.Equal(t, 6250*time.Millisecond, f.opt.ConnWriteTimeout)

	fs = new(fakeClients)
	pools, err = pool.Open(t.Context(), pool.Config{NewClient: fs.NewClient, MaxValueBytes: 7, MaxDecodedBytes: 8, Layout: keyspace.Python(), Timeout: 1<<63 - 1})
	require.NoError(t, err)
	defer pools.Close()
	require.NoError(t, pools.Ping(context.Background()))
	for _, f := range fs.open() {
		require.Positive(t, f.opt.ConnWriteTimeout)
		require.NoError(t, f.lastContext().Err(), "the longest timeout does not overflow")
	}
	require.Equal(t, 7, pools.MaxValueBytes())
	require.Equal(t, 8, pools.MaxDecodedBytes())
	require.True(t, pools.Layout() == keyspace.Python())
}

func TestConfigMayChangeAfterOpen(t *testing.T) {
	cfg := pool.Config{URL: "redis://h", Databases: map[pool.Alias]int{"jobs": 3}, URLs: map[pool.Alias]string{"mail": "redis://m"}, NewClient: new(fakeClients).NewClient}
	pools, err := pool.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer pools.Close()
	want := pools.Aliases()
	clear(cfg.Databases)
	clear(cfg.URLs)
	require.Equal(t, want, pools.Aliases())
	for _, a := range want {
		_, err := pools.Client(a)
		require.NoError(t, err)
	}
	_, err = pool.Open(t.Context(), cfg)
	require.NoError(t, err)
}

// split returns the parts of a joined error. All of them must be of type E.
func split[E error](t *testing.T, err error) (parts []E) {
	t.Helper()
	require.Error(t, err)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%T is not joined", err)
	for _, e := range joined.Unwrap() {
		var part E
		require.ErrorAs(t, e, &part)
		parts = append(parts, part)
	}
	return parts
}

// A layout needs every pattern, also those of kinds that came later.
func TestOpenRefusesLayoutsWithoutAPattern(t *testing.T) {
	for field := range reflect.TypeFor[keyspace.Layout]().Fields() {
		layout := keyspace.Default()
		reflect.ValueOf(&layout).Elem().FieldByIndex(field.Index).SetZero()
		_, err := pool.Open(t.Context(), pool.Config{URL: "redis://h", Layout: layout})
		var mistake *pool.ConfigError
		require.ErrorAs(t, err, &mistake, field.Name)
		require.Equal(t, "Layout."+field.Name, mistake.Field)
	}
}
