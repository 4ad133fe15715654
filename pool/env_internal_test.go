package pool

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
)

// The table in the comment of FromEnv, the code and the fields of Config agree.
func TestEnvironmentCoversConfig(t *testing.T) {
	source, err := os.ReadFile("env.go")
	require.NoError(t, err)
	var documented, known [][2]string
	for _, row := range regexp.MustCompile(`(?m)^//\t([A-Z_]+) +([A-Za-z.]+)`).FindAllStringSubmatch(string(source), -1) {
		documented = append(documented, [2]string{row[1], row[2]})
	}
	fields := map[string]bool{"NewClient": true, "Logger": true, "Observer": true} // the comment says that they have none
	for _, v := range envVariables {
		known = append(known, [2]string{v.name, v.field})
		fields[v.field] = true
	}
	require.Equal(t, known, documented)
	require.ElementsMatch(t, fieldNames(reflect.TypeFor[Config](), ""), keys(fields))
}

func fieldNames(of reflect.Type, prefix string) (names []string) {
	for f := range of.Fields() {
		if f.Type == reflect.TypeFor[Cache]() {
			names = append(names, fieldNames(f.Type, f.Name+".")...)
			continue
		}
		names = append(names, prefix+f.Name)
	}
	return names
}

func keys(set map[string]bool) (all []string) {
	for k := range set {
		all = append(all, k)
	}
	return all
}

func TestFromEnv(t *testing.T) {
	cfg, err := fromEnv([]string{
		"REDIS_URL=rediss://h", "SYMPHONY_URLS=user=redis://u/3?client_name=x jobs=redis://j", "SYMPHONY_DATABASES=mail=4  news=5",
		"SYMPHONY_PREFIX_KEYS=true", "SYMPHONY_SINGLE_DATABASE=1", "SYMPHONY_LAYOUT=cluster", "SYMPHONY_TIMEOUT=2s", "SYMPHONY_RETRY_FOR=300ms",
		"SYMPHONY_MAX_VALUE_BYTES=7", "SYMPHONY_MAX_DECODED_BYTES=8", "SYMPHONY_CACHE_MAX_BYTES=9", "SYMPHONY_CACHE_MAX_STALE=1s",
		"SYMPHONY_CACHE_DISABLED=true", "SYMPHONY_TLS_SERVER_NAME=r", "SYMPHONY_USER=joe", "SYMPHONY_PASSWORD=hunter2", "PATH=/bin",
	})
	require.NoError(t, err)
	require.NotNil(t, cfg.Credentials)
	user, password, err := cfg.Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"joe", "hunter2"}, []string{user, password})
	require.Equal(t, "r", cfg.TLS.ServerName)
	cfg.Credentials, cfg.TLS = nil, nil
	require.Equal(t, Config{
		URL: "rediss://h", URLs: map[Alias]string{"user": "redis://u/3?client_name=x", "jobs": "redis://j"},
		Databases: map[Alias]int{"mail": 4, "news": 5}, PrefixKeys: true, SingleDatabase: true, Layout: keyspace.Cluster(),
		Timeout: 2 * time.Second, RetryFor: 300 * time.Millisecond, MaxValueBytes: 7, MaxDecodedBytes: 8,
		Cache: Cache{MaxBytes: 9, MaxStale: time.Second, Disabled: true},
	}, cfg)

	cfg, err = fromEnv([]string{"REDIS_URL=", "SYMPHONY_TIMEOUT=", "TERM=x"})
	require.NoError(t, err)
	require.Zero(t, cfg)
}

// Each mistake is named with its remedy, and no value is quoted.
func TestFromEnvMistakes(t *testing.T) {
	for entry, part := range map[string]string{
		"SYMPHONY_TIMOUT=hunter2":         "SYMPHONY_TIMEOUT?",
		"SYMPHONY_DATABASE=hunter2":       "SYMPHONY_DATABASES?",
		"SYMPHONY_TIMEOUT=5":              "such as 5s",
		"SYMPHONY_MAX_VALUE_BYTES=16MB":   "without a unit",
		"SYMPHONY_PREFIX_KEYS=hunter2":    "true or false",
		"SYMPHONY_LAYOUT=hunter2":         "cluster-by-tenant",
		"SYMPHONY_URLS=redis://hunter2@h": "alias=URL",
		"SYMPHONY_DATABASES=user=hunter2": "alias=number",
		"SYMPHONY_DATABASES=a=1 a=2":      "each alias once",
		"SYMPHONY_TLS_CA_FILE=/hunter2":   "PEM",
		"SYMPHONY_TLS_CERT_FILE=/hunter2": "SYMPHONY_TLS_KEY_FILE",
		"SYMPHONY_TLS_KEY_FILE=/hunter2":  "SYMPHONY_TLS_CERT_FILE",
		"SYMPHONY_USER=hunter2":           "SYMPHONY_PASSWORD",
	} {
		_, err := fromEnv([]string{entry})
		var mistake *ConfigError
		require.ErrorAs(t, err, &mistake, entry)
		require.Contains(t, mistake.Reason, part)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err := fromEnv([]string{"SYMPHONY_PASSWORD=hunter2", "SYMPHONY_PASSWORD_FILE=/x"})
	require.ErrorContains(t, err, "remove one of the two")
	t.Setenv("SYMPHONY_TIMOUT", "1s")
	_, err = FromEnv()
	require.ErrorContains(t, err, "SYMPHONY_TIMOUT")
}

// A file with the password is read for each connection.
func TestPasswordFile(t *testing.T) {
	s := redistest.Server(t, "requirepass hunter2")
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("wrong\n"), 0o600))
	cfg, err := fromEnv([]string{"REDIS_URL=" + s.URL(), "SYMPHONY_PASSWORD_FILE=" + file})
	require.NoError(t, err)
	_, err = Open(t.Context(), cfg)
	require.ErrorContains(t, err, "WRONGPASS")
	require.NoError(t, os.WriteFile(file, []byte("hunter2\n"), 0o600))
	pools, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	pools.Close()

	cfg.URL = "redis://:hunter2@" + s.Addr()
	_, err = Open(t.Context(), cfg)
	var mistake *ConfigError
	require.ErrorAs(t, err, &mistake)
	require.Equal(t, "URL", mistake.Field)
	require.Contains(t, mistake.Reason, "Config.Credentials")
	cfg.URL, cfg.URLs = "", map[Alias]string{User: "redis://joe:hunter2@" + s.Addr()}
	_, err = Open(t.Context(), cfg)
	require.True(t, errors.As(err, &mistake) && mistake.Field == "URLs[user]", "%v", err)
}

func TestTLSOfConfig(t *testing.T) {
	ca := redistest.NewAuthority(t)
	s := ca.Server(t, "127.0.0.2")
	open := func(url string, conf *tls.Config) error {
		pools, err := Open(t.Context(), Config{URL: url, TLS: conf})
		if err == nil {
			pools.Close()
		}
		return err
	}
	require.NoError(t, open("rediss://"+s.TLSAddr(), &tls.Config{RootCAs: ca.Roots()}))
	require.ErrorContains(t, open("rediss://"+s.TLSAddr(), &tls.Config{RootCAs: ca.Roots(), ServerName: "127.0.0.9"}), "127.0.0.9")
	require.ErrorContains(t, open("rediss://"+s.TLSAddr(), &tls.Config{}), "Config.TLS.RootCAs")
	require.NoError(t, open("rediss://"+s.TLSAddr()+"?skip_verify", &tls.Config{}))
	require.ErrorContains(t, open(s.URL(), &tls.Config{RootCAs: ca.Roots()}), "write rediss://")
}

// ServerName is the name of all nodes of a cluster.
func TestServerNameOfACluster(t *testing.T) {
	ca := redistest.NewAuthority(t)
	cluster := ca.Cluster(t)
	_, err := Open(t.Context(), Config{
		URL: "rediss://" + cluster.Primaries[0].TLSAddr(),
		TLS: &tls.Config{RootCAs: ca.Roots(), ServerName: "127.0.0.9"},
	})
	require.ErrorContains(t, err, "127.0.0.9")

	// The certificates of the other nodes have other names.
	first, _, err := net.SplitHostPort(cluster.Primaries[0].TLSAddr())
	require.NoError(t, err)
	pools, err := Open(t.Context(), Config{
		URL: "rediss://" + cluster.Primaries[0].TLSAddr(),
		TLS: &tls.Config{RootCAs: ca.Roots(), ServerName: first},
	})
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	client, err := pools.Client(User)
	require.NoError(t, err)
	refused := 0
	for _, node := range client.Nodes() {
		if err := node.Do(t.Context(), node.B().Ping().Build()).Error(); err != nil {
			require.ErrorContains(t, err, "not "+first)
			refused++
		}
	}
	require.Equal(t, len(cluster.Primaries)-1, refused)

	pools, err = Open(t.Context(), Config{URL: "rediss://" + cluster.Primaries[0].TLSAddr(), TLS: &tls.Config{RootCAs: ca.Roots()}})
	require.NoError(t, err)
	pools.Close()
}
