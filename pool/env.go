package pool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/similar"
	"github.com/symphony-go/symphony/keyspace"
)

const envPrefix = "SYMPHONY_"

// envVariable is an environment variable of [FromEnv]. Its function set stores
// the value and returns what the value must be if it is invalid.
type envVariable struct {
	name  string
	field string // of Config
	set   func(cfg *Config, value string) (requirement string)
}

// envVariables are the variables of fields that take one value each. Those of
// Config.TLS and Config.Credentials are read together.
var envVariables = []envVariable{
	{"REDIS_URL", "URL", func(c *Config, v string) string { c.URL = v; return "" }},
	{"SYMPHONY_URLS", "URLs", func(c *Config, v string) (requirement string) {
		c.URLs, requirement = parseEntries(v, func(text string) (string, bool) { return text, text != "" }, "alias=URL, separated by white space")
		return requirement
	}},
	{"SYMPHONY_DATABASES", "Databases", func(c *Config, v string) (requirement string) {
		c.Databases, requirement = parseEntries(v, func(text string) (int, bool) {
			n, err := strconv.Atoi(text)
			return n, err == nil
		}, "alias=number, separated by white space")
		return requirement
	}},
	{"SYMPHONY_PREFIX_KEYS", "PrefixKeys", envBool(func(c *Config) *bool { return &c.PrefixKeys })},
	{"SYMPHONY_SINGLE_DATABASE", "SingleDatabase", envBool(func(c *Config) *bool { return &c.SingleDatabase })},
	{"SYMPHONY_LAYOUT", "Layout", setLayout},
	{"SYMPHONY_TIMEOUT", "Timeout", envDuration(func(c *Config) *time.Duration { return &c.Timeout })},
	{"SYMPHONY_RETRY_FOR", "RetryFor", envDuration(func(c *Config) *time.Duration { return &c.RetryFor })},
	{"SYMPHONY_MAX_VALUE_BYTES", "MaxValueBytes", envInt(func(c *Config) *int { return &c.MaxValueBytes })},
	{"SYMPHONY_MAX_DECODED_BYTES", "MaxDecodedBytes", envInt(func(c *Config) *int { return &c.MaxDecodedBytes })},
	{"SYMPHONY_CACHE_MAX_BYTES", "Cache.MaxBytes", envInt(func(c *Config) *int { return &c.Cache.MaxBytes })},
	{"SYMPHONY_CACHE_MAX_STALE", "Cache.MaxStale", envDuration(func(c *Config) *time.Duration { return &c.Cache.MaxStale })},
	{"SYMPHONY_CACHE_DISABLED", "Cache.Disabled", envBool(func(c *Config) *bool { return &c.Cache.Disabled })},
	{envCAFile, "TLS", setNothing},
	{envCertFile, "TLS", setNothing},
	{envKeyFile, "TLS", setNothing},
	{envServerName, "TLS", setNothing},
	{envUser, "Credentials", setNothing},
	{envPassword, "Credentials", setNothing},
	{envPasswordFile, "Credentials", setNothing},
}

const (
	envCAFile       = "SYMPHONY_TLS_CA_FILE"
	envCertFile     = "SYMPHONY_TLS_CERT_FILE"
	envKeyFile      = "SYMPHONY_TLS_KEY_FILE"
	envServerName   = "SYMPHONY_TLS_SERVER_NAME"
	envUser         = "SYMPHONY_USER"
	envPassword     = "SYMPHONY_PASSWORD"
	envPasswordFile = "SYMPHONY_PASSWORD_FILE"
)

// FromEnv returns the Config that the environment variables describe. A
// variable that is not set, or is empty, leaves the default of its field.
// FromEnv opens no connection.
//
//	REDIS_URL                   URL
//	SYMPHONY_URLS               URLs: user=redis://a jobs=redis://b
//	SYMPHONY_DATABASES          Databases: user=3 jobs=4
//	SYMPHONY_PREFIX_KEYS        PrefixKeys: true or false
//	SYMPHONY_SINGLE_DATABASE    SingleDatabase: true or false
//	SYMPHONY_LAYOUT             Layout: default, cluster, cluster-by-tenant
//	                            or python
//	SYMPHONY_TIMEOUT            Timeout: a duration such as 5s
//	SYMPHONY_RETRY_FOR          RetryFor: a duration
//	SYMPHONY_MAX_VALUE_BYTES    MaxValueBytes
//	SYMPHONY_MAX_DECODED_BYTES  MaxDecodedBytes
//	SYMPHONY_CACHE_MAX_BYTES    Cache.MaxBytes
//	SYMPHONY_CACHE_MAX_STALE    Cache.MaxStale: a duration
//	SYMPHONY_CACHE_DISABLED     Cache.Disabled: true or false
//	SYMPHONY_TLS_CA_FILE        TLS: a file with the PEM certificates to trust
//	SYMPHONY_TLS_CERT_FILE      TLS: a file with the PEM certificate of the client
//	SYMPHONY_TLS_KEY_FILE       TLS: a file with its PEM key
//	SYMPHONY_TLS_SERVER_NAME    TLS: the name in the certificates of all servers
//	SYMPHONY_USER               Credentials: the user
//	SYMPHONY_PASSWORD           Credentials: the password
//	SYMPHONY_PASSWORD_FILE      Credentials: a file with the password
//
// The file of the password is read for each new connection, so it may change.
// White space around the password in it is removed. NewClient, Logger and
// Observer have no variable.
//
// If a variable is invalid, or if another variable begins with SYMPHONY_,
// FromEnv returns a *[ConfigError] for each of them, joined. The error of an
// unknown variable names the one that is most similar. No error contains a
// value.
func FromEnv() (Config, error) { return fromEnv(os.Environ()) }

func fromEnv(environ []string) (Config, error) {
	var cfg Config
	var errs envErrors
	values := make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		i := slices.IndexFunc(envVariables, func(v envVariable) bool { return v.name == name })
		switch {
		case i < 0 && strings.HasPrefix(name, envPrefix):
			errs.add(name, "the variable is unknown; is it a misspelt %s? Otherwise give it a name that does not begin with %s", mostSimilarVariable(name), envPrefix)
		case i >= 0 && value != "":
			values[name] = value
			if requirement := envVariables[i].set(&cfg, value); requirement != "" {
				errs.add(name, "the value is invalid; write %s", requirement)
			}
		}
	}
	cfg.TLS = tlsFromEnv(&errs, values)
	cfg.Credentials = credentialsFromEnv(&errs, values)
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return Config{}, errors.Join(errs...)
	}
	return cfg, nil
}

// envErrors collects the mistakes of the environment.
type envErrors []error

func (e *envErrors) add(variable, format string, args ...any) {
	*e = append(*e, &ConfigError{Config: "environment", Field: variable, Reason: fmt.Sprintf(format, args...)})
}

func setNothing(*Config, string) string { return "" }

func setLayout(c *Config, value string) string {
	switch value {
	case "default":
		c.Layout = keyspace.Default()
	case "cluster":
		c.Layout = keyspace.Cluster()
	case "cluster-by-tenant":
		c.Layout = keyspace.ClusterByTenant()
	case "python":
		c.Layout = keyspace.Python()
	default:
		return "default, cluster, cluster-by-tenant or python"
	}
	return ""
}

func envBool(field func(*Config) *bool) func(*Config, string) string {
	return func(c *Config, value string) string {
		b, err := strconv.ParseBool(value)
		if err != nil {
			return "true or false"
		}
		*field(c) = b
		return ""
	}
}

func envDuration(field func(*Config) *time.Duration) func(*Config, string) string {
	return func(c *Config, value string) string {
		d, err := time.ParseDuration(value)
		if err != nil {
			return "a duration with its unit, such as 5s or 300ms"
		}
		*field(c) = d
		return ""
	}
}

func envInt(field func(*Config) *int) func(*Config, string) string {
	return func(c *Config, value string) string {
		n, err := strconv.Atoi(value)
		if err != nil {
			return "a whole number of bytes, without a unit"
		}
		*field(c) = n
		return ""
	}
}

// parseEntries parses alias=value pairs.
func parseEntries[V any](text string, parse func(string) (V, bool), requirement string) (map[Alias]V, string) {
	entries := make(map[Alias]V)
	for entry := range strings.FieldsSeq(text) {
		alias, value, _ := strings.Cut(entry, "=")
		v, ok := parse(value)
		if _, twice := entries[Alias(alias)]; !ok || twice || alias == "" {
			return nil, requirement + ", with each alias once"
		}
		entries[Alias(alias)] = v
	}
	return entries, ""
}

// tlsFromEnv returns nil if no variable of TLS is set.
func tlsFromEnv(errs *envErrors, values map[string]string) *tls.Config {
	ca, cert, key, name := values[envCAFile], values[envCertFile], values[envKeyFile], values[envServerName]
	if ca == "" && cert == "" && key == "" && name == "" {
		return nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		conf.RootCAs = x509.NewCertPool()
		if pem, err := os.ReadFile(ca); err != nil || !conf.RootCAs.AppendCertsFromPEM(pem) {
			errs.add(envCAFile, "the file cannot be read, or contains no PEM certificate; write the path of one")
		}
	}
	switch {
	case cert != "" && key != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			errs.add(envCertFile, "the certificate and its key in %s cannot be read, or do not fit each other; write the paths of two PEM files", envKeyFile)
		}
		conf.Certificates = []tls.Certificate{pair}
	case cert != "":
		errs.add(envCertFile, "the certificate has no key; set %s too", envKeyFile)
	case key != "":
		errs.add(envKeyFile, "the key has no certificate; set %s too", envCertFile)
	}
	return conf
}

// credentialsFromEnv returns nil if no variable of the credentials is set.
func credentialsFromEnv(errs *envErrors, values map[string]string) func(context.Context) (string, string, error) {
	user, password, file := values[envUser], values[envPassword], values[envPasswordFile]
	switch {
	case user == "" && password == "" && file == "":
		return nil
	case password != "" && file != "":
		errs.add(envPasswordFile, "%s is set too; remove one of the two", envPassword)
	case password == "" && file == "":
		errs.add(envUser, "the user has no password; set %s or %s", envPassword, envPasswordFile)
	case file == "":
		return func(context.Context) (string, string, error) { return user, password, nil }
	}
	return func(context.Context) (string, string, error) {
		text, err := os.ReadFile(file)
		return user, strings.TrimSpace(string(text)), err
	}
}

func mostSimilarVariable(name string) string {
	return slices.MinFunc(envVariables, func(a, b envVariable) int {
		return similar.Edits(a.name, name) - similar.Edits(b.name, name)
	}).name
}
