package pool_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/pool"
)

// The error of an invalid URL names the mistake, and contains no part of a
// password.
func TestInvalidURLs(t *testing.T) {
	for url, text := range map[string]string{
		"redis://u:hunter2%zz@h":                   "%25",
		"redis://u:hunter2%2@h":                    "%25",
		"redis://u:hunter2@h:port":                 "port",
		"redis://u:hunter2@h:99999":                "port",
		"redis://u:hunter2@h:0":                    "port",
		"redis://u:hunter2@h:-1":                   "port",
		"redis://u:hunter2@h^h":                    "host",
		"redis://u:hunter2@:6379":                  "has no host",
		"redis://:hunter2@":                        "has no host",
		"http://u:hunter2@h":                       "scheme",
		"hunter2://h":                              "scheme",
		"hunter2:secret@h:6379":                    "scheme",
		"u:hunter2@h:6379":                         "scheme",
		"h:6379":                                   "scheme",
		"127.0.0.1:6379":                           "redis://host:6379",
		"redis:u:hunter2@h":                        "//",
		"redis://u:hunter2@h/1/2":                  "path",
		"redis://u:hunter2@h/name":                 "path",
		"redis://u:hunter2@h/-1":                   "path",
		"redis://u:hunter2/secret@h:6379":          "percent-encode",
		"redis://u:7001/hunter2@h:6379":            "percent-encode",
		"redis://u:7001?hunter2@h:6379":            "percent-encode",
		"redis://u:7001?hunter=2@h:6379":           "percent-encode",
		"redis://u:7001#hunter2@h:6379":            "percent-encode",
		"redis://u:hunter2 x@h:6379":               "percent-encode",
		"redis://u:hunter2[x@h:6379":               "percent-encode",
		"redis://u:hunter2@h?dail_timeout=1s":      "unknown parameter; the known ones are addr, client_cache, client_name, db, dial_timeout",
		"redis://u:hunter2@h?letmein":              "unknown parameter; the known",
		"redis://u:hunter2:127.0.0.1:1":            "a login ends with an @",
		"redis://u@h?addr=hunter2%40h:1":           "addr must be host:port",
		"unix://u:zz@/hunter2@/run/redis.sock":     "percent-encode",
		"redis://u:hunter2@h?dial_timeout=5":       "dial_timeout must be a positive duration",
		"redis://u:hunter2@h?write_timeout=-5s":    "write_timeout must be a positive duration",
		"redis://u:hunter2@h?db=x":                 "db must be",
		"redis://u:hunter2@h/1?db=2":               "two databases",
		"redis://u:hunter2@h?db=2&db=3":            "more than once",
		"redis://u:hunter2@h?addr=h2":              "addr must be host:port",
		"redis://u:hunter2@h?protocol=4":           "protocol",
		"redis://u:hunter2@h?max_retries=no":       "max_retries",
		"rediss://u:hunter2@h?skip_verify=perhaps": "skip_verify",
		"redis://u:hunter2@h?master_set=":          "master_set must be a name",
		"redis://u:hunter2@h?a;b":                  "query",
		"redis://u:hunter2@h?client_name=%zz":      "query",
		"redis://u:hunter2@\x7f":                   "invalid",
		"unix://u:hunter2@run/redis.sock":          "unix:///run",
		"unix://u:hunter2@/":                       "no path",
	} {
		_, err := pool.Open(t.Context(), pool.Config{URL: url, NewClient: new(fakeClients).NewClient})
		require.Error(t, err, url)
		ms := split[*pool.ConfigError](t, err)
		require.Len(t, ms, 1, "%s: %v", url, err)
		require.Equal(t, "URL", ms[0].Field)
		require.Contains(t, ms[0].Reason, text, url)
		for _, piece := range []string{"hunter", "nter2", "secret", "zz", "7001", "letmein"} {
			require.NotContains(t, strings.ToLower(err.Error()), piece, url)
		}
	}
}

func TestURLsReachTheClient(t *testing.T) {
	for url, want := range map[string]func(*testing.T, rueidis.ClientOption){
		"redis://h": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"h:6379"}, o.InitAddress)
			require.Nil(t, o.TLSConfig)
		},
		"valkey://[::1]:7/": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"[::1]:7"}, o.InitAddress)
		},
		"redis://joe:p%40s%2Fs@h:7/3": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"h:7"}, o.InitAddress)
			require.Equal(t, "joe", o.Username)
			require.Equal(t, "p@s/s", o.Password)
			require.Equal(t, 3, o.SelectDB)
		},
		"redis://:pw@h": func(t *testing.T, o rueidis.ClientOption) {
			require.Empty(t, o.Username)
			require.Equal(t, "pw", o.Password)
		},
		"rediss://h?skip_verify=true&protocol=2&max_retries=0&client_name=me&dial_timeout=3s&write_timeout=4s&db=2": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, "h", o.TLSConfig.ServerName)
			require.Equal(t, uint16(tls.VersionTLS12), o.TLSConfig.MinVersion)
			require.True(t, o.TLSConfig.InsecureSkipVerify)
			require.True(t, o.AlwaysRESP2)
			require.True(t, o.DisableRetry)
			require.Equal(t, "me", o.ClientName)
			require.Equal(t, 3*time.Second, o.Dialer.Timeout)
			require.Equal(t, 4*time.Second, o.ConnWriteTimeout)
			require.Equal(t, 2, o.SelectDB)
		},
		"redis://u:p@s1:1/4?addr=s2:2&master_set=main": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"s1:1", "s2:2"}, o.InitAddress)
			require.Equal(t, "main", o.Sentinel.MasterSet)
			require.Equal(t, 4, o.SelectDB)
			require.False(t, o.ForceSingleClient)
			require.Equal(t, "p", o.Password)
			require.Empty(t, o.Sentinel.Password)
			require.NotZero(t, o.Sentinel.Dialer.KeepAlive)
		},
		"redis://c1:1?addr=c2:2&addr=c3:3": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"c1:1", "c2:2", "c3:3"}, o.InitAddress)
			require.Zero(t, o.SelectDB)
			require.False(t, o.ForceSingleClient)
		},
		"unix://joe:pw@/run/redis.sock?db=2": func(t *testing.T, o rueidis.ClientOption) {
			require.Equal(t, []string{"/run/redis.sock"}, o.InitAddress)
			require.NotNil(t, o.DialCtxFn)
			require.Equal(t, "joe", o.Username)
			require.Equal(t, 2, o.SelectDB)
		},
	} {
		t.Run(url, func(t *testing.T) {
			fs := new(fakeClients)
			pools, err := pool.Open(t.Context(), pool.Config{
				URLs:      map[pool.Alias]string{"jobs": url},
				NewClient: fs.NewClient,
			})
			require.NoError(t, err)
			defer pools.Close()
			require.Len(t, fs.open(), 1)
			want(t, fs.open()[0].opt)
			for _, f := range fs.all()[:len(fs.all())-1] {
				require.Zero(t, f.opt.SelectDB, "the client that asks whether the server is a cluster uses database 0")
			}
		})
	}
}
