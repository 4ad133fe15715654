package pool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/pool"
)

// secretURLs contain a password, in its place or misplaced by mistake.
var secretURLs = []string{
	"redis://joe:hunter2@h:6379/3",
	"redis://hunter2@h",
	"rediss://:hunter2@h?addr=g:1",
	"redis://:hunter2@h?client_name=a",
	"unix://joe:hunter2@/run/redis.sock?db=2",
	"unix://joe:hunter2@/ss@/run/redis.sock",
	"unix://joe:a@/hunter2@/run/redis.sock",
	"unix:///hunter2@/run/redis.sock",
	"redis://joe:hunter2:127.0.0.1:1",
	"redis://hunter2:127.0.0.1:1",
	"redis://hunter2",
	"redis://h?addr=hunter2%40h:1",
	"redis://h?addr=joe:hunter2@h:1",
	"redis://h?addr=joe%3Ahunter2:1",
	"redis://h/0?hunter2",
	"redis://h/0?hunter2=1",
	"redis://h/hunter2",
	"redis://h?db=hunter2",
	"redis://hunter2%40h",
	"redis://hunter2!",
	"redis://jöe-hunter2",
	"redis://[hunter2]:1",
	"hunter2",
	"hunter2@h:1",
	"hunter2:h@h:1",
	"hunter2://h",
	"redis:hunter2@h",
	"redis://h#hunter2",
	"redis://h:hunter2",
	"redis://joe:hunter2/x@h:1",
	"redis://joe:6379/hunter2@h:1",
	"redis://joe:hunter2%zz@h",
}

// No format prints the password of a Config.
func TestConfigHidesPasswordsInAllFormats(t *testing.T) {
	type service struct {
		Name  string
		Redis pool.Config
		Maybe *pool.Config
	}
	for _, url := range secretURLs {
		cfg := pool.Config{
			URL: url, URLs: map[pool.Alias]string{pool.User: url}, Timeout: 3 * time.Second,
			NewClient: rueidis.NewClient, Logger: slog.Default(),
		}
		for _, v := range []any{
			cfg, &cfg, service{Name: "chat", Redis: cfg, Maybe: &cfg}, &service{Redis: cfg}, []pool.Config{cfg},
			map[string]*pool.Config{"a": &cfg}, struct{ pool.Config }{cfg},
		} {
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%T %v", "%10.3v", "%t"} {
				text := fmt.Sprintf(strings.Replace(format, "%T ", "", 1), v)
				requireHidden(t, text, url+" "+format)
			}
			requireHidden(t, fmt.Sprint(v), url)
			requireHidden(t, fmt.Sprintln(v), url)
			data, err := json.Marshal(v)
			require.NoError(t, err)
			requireHidden(t, string(data), url)
			var log bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
				slog.New(h).Info("starting", "config", v)
				slog.New(h).Info("starting", slog.Group("g", "config", v))
			}
			requireHidden(t, log.String(), url)
		}
	}
}

func requireHidden(t *testing.T, text, description string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, piece := range []string{"hunter2", "hunter", fmt.Sprintf("%x", "hunter2"), "68, 75, 6e"} {
		require.NotContains(t, lower, piece, description)
	}
}

func TestConfigShowsOtherFields(t *testing.T) {
	cfg := pool.Config{
		URL:       "rediss://joe:hunter2@redis.example.com:6380/3?addr=b.example.com:1&client_name=chat",
		URLs:      map[pool.Alias]string{pool.User: "unix://joe:hunter2@/run/redis.sock", "bad": "redis://a:b:c"},
		Databases: map[pool.Alias]int{"jobs": 3},
		Timeout:   3 * time.Second, MaxValueBytes: 77,
	}
	for _, text := range []string{fmt.Sprintf("%v", cfg), fmt.Sprintf("%+v", &cfg), fmt.Sprintf("%#v", cfg), cfg.String(), cfg.GoString(), cfg.LogValue().String()} {
		for _, part := range []string{
			"rediss://xxxxx@redis.example.com:6380/3?addr=b.example.com:1&client_name=chat", "unix://xxxxx@/run/redis.sock", "jobs", "3s", "77", "not shown",
		} {
			require.Contains(t, text, part)
		}
	}
	data, err := json.Marshal(cfg)
	require.NoError(t, err)
	require.Contains(t, string(data), "redis.example.com:6380")
	require.Contains(t, string(data), `"Timeout":"3s"`)
}

// No error contains a password, and only hosts are passed to the resolver.
func TestErrorsAndTheResolverGetNoPassword(t *testing.T) {
	for _, url := range secretURLs {
		var mu sync.Mutex
		var addresses []string
		var log bytes.Buffer
		cfg := pool.Config{URLs: map[pool.Alias]string{"user": url}, Timeout: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		cfg.NewClient = func(opt rueidis.ClientOption) (rueidis.Client, error) {
			mu.Lock()
			defer mu.Unlock()
			addresses = append(addresses, opt.InitAddress...)
			opt.Dialer.Resolver = emptyResolver()
			return rueidis.NewClient(opt)
		}
		_, err := pool.Open(t.Context(), cfg)
		require.Error(t, err, url)
		requireHidden(t, err.Error(), url)
		requireHidden(t, fmt.Sprintf("%+v %#v", err, err), url)
		for _, e := range errorTree(err) {
			requireHidden(t, fmt.Sprintf("%v", e), url)
		}
		requireHidden(t, log.String(), url)
		if url != "redis://hunter2" { // a valid host
			requireHidden(t, strings.Join(addresses, " "), url)
		}
	}
}

// emptyResolver returns a resolver that finds no host.
func emptyResolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("no network")
	}}
}

// If the resolver does not reply in time, the error does not name the host.
func TestErrorsHideTheHostOfASlowResolver(t *testing.T) {
	for _, url := range []string{"redis://hunter2", "redis://h?addr=hunter2:1", "redis://hunter2:1?master_set=a"} {
		cfg := pool.Config{URL: url, Timeout: 50 * time.Millisecond, NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
			opt.Dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
			return rueidis.NewClient(opt)
		}}
		_, err := pool.Open(t.Context(), cfg)
		require.Error(t, err, url)
		requireHidden(t, err.Error(), url)
		require.Contains(t, err.Error(), "(not shown)")
	}
}

// errorTree returns an error and all errors that it wraps.
func errorTree(err error) []error {
	all := []error{err}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			all = append(all, errorTree(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, errorTree(inner)...)
		}
	}
	return all
}

func TestHosts(t *testing.T) {
	for host, valid := range map[string]bool{
		"localhost": true, "redis_1": true, "a-b.example.com": true, "127.0.0.1": true, "[::1]": true, "[fe80::1%25eth0]": true, "h.": true,
		"a:b": false, "a!b": false, "a*b": false, "a,b": false, "ä": false, "a%40b": false, "a b": false, "[a]": false, "$x": false, ".": false,
		strings.Repeat("a", 300): false,
	} {
		_, err := pool.Open(t.Context(), pool.Config{URL: "redis://" + host + ":1", NewClient: new(fakeClients).NewClient})
		require.Equal(t, valid, err == nil, "%s: %v", host, err)
	}
}
