package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/keyspace"
)

// plan is a Config that was checked: it assigns a server and a database to
// each alias, and contains the defaults.
type plan struct {
	servers         []*server
	prefixKeys      bool
	layout          keyspace.Layout // may be zero
	timeout         time.Duration
	retryFor        time.Duration
	maxValueBytes   int
	maxDecodedBytes int
	newClient       func(rueidis.ClientOption) (rueidis.Client, error)
	logger          *slog.Logger
	observer        Observer
	cache           *nearcache.Cache // nil if disabled
	logUncachedOnce sync.Once
	ignoredDatabase *int // the database number in Config.URL
}

// server is a server, cluster or Sentinel set with one login, and the aliases
// on it.
type server struct {
	endpoint
	members        []member
	logRefusalOnce sync.Once
}

type member struct {
	alias      Alias
	database   int
	configured bool // whether the Config sets the database
}

// configErrors collects the mistakes of a Config.
type configErrors []error

func (e *configErrors) add(field, format string, args ...any) {
	*e = append(*e, &ConfigError{Config: "pool.Config", Field: field, Reason: fmt.Sprintf(format, args...)})
}

// checkUnit adds an error if the unit of a duration was forgotten.
func (e *configErrors) checkUnit(field string, d time.Duration) {
	if unit := duration.ForgottenUnit(d); unit != "" {
		e.add(field, "%s", unit)
	}
}

// plan checks cfg and returns its plan. The error joins all mistakes.
func (cfg Config) plan() (*plan, error) {
	p := &plan{
		prefixKeys:      cfg.PrefixKeys || cfg.SingleDatabase,
		layout:          cfg.Layout,
		timeout:         min(cfg.Timeout, maxTimeout),
		retryFor:        cfg.RetryFor,
		maxValueBytes:   cfg.MaxValueBytes,
		maxDecodedBytes: cfg.MaxDecodedBytes,
		newClient:       cfg.NewClient,
		logger:          cfg.Logger,
		observer:        cfg.Observer,
	}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	if p.retryFor == 0 {
		p.retryFor = defaultRetryFor
	}
	if p.maxValueBytes == 0 {
		p.maxValueBytes = defaultMaxValueBytes
	}
	if p.maxDecodedBytes == 0 {
		p.maxDecodedBytes = defaultMaxDecodedBytes
	}
	if p.newClient == nil {
		p.newClient = rueidis.NewClient
	}
	if p.logger == nil {
		p.logger = slog.Default()
	}
	p.cache = cfg.Cache.open()

	var errs configErrors
	cfg.checkLimits(&errs)
	cfg.checkLayout(&errs)
	byAlias := cfg.parseURLs(&errs)
	shared := cfg.parseURL(&errs)
	cfg.checkDatabases(&errs, byAlias)
	p.servers = cfg.groupByServer(byAlias, shared)
	cfg.checkLogins(&errs, byAlias, shared)
	cfg.configureServers(&errs, p)
	if !p.prefixKeys {
		checkCollisions(&errs, p.servers)
	}
	if shared != nil && !cfg.SingleDatabase {
		p.ignoredDatabase = shared.database
	}
	return p, errors.Join(errs...)
}

func (cfg Config) checkLimits(errs *configErrors) {
	if cfg.Timeout < 0 {
		errs.add("Timeout", "%v is negative; use a positive duration, or 0 for the default of %v", cfg.Timeout, defaultTimeout)
	}
	if cfg.RetryFor < 0 {
		errs.add("RetryFor", "%v is negative; use a positive duration, or 0 for the default of %v; to retry no read, add ?max_retries=0 to the URL", cfg.RetryFor, defaultRetryFor)
	}
	if cfg.MaxValueBytes < 0 {
		errs.add("MaxValueBytes", "%d is negative; use a positive number, or 0 for the default of %d", cfg.MaxValueBytes, defaultMaxValueBytes)
	}
	if cfg.MaxDecodedBytes < 0 {
		errs.add("MaxDecodedBytes", "%d is negative; use a positive number, or 0 for the default of %d", cfg.MaxDecodedBytes, defaultMaxDecodedBytes)
	}
	if cfg.Cache.MaxBytes < 0 {
		errs.add("Cache.MaxBytes", "%d is negative; use a positive number, or 0 for the default of %d, or set Cache.Disabled", cfg.Cache.MaxBytes, defaultCacheMaxBytes)
	}
	errs.checkUnit("Timeout", cfg.Timeout)
	errs.checkUnit("RetryFor", cfg.RetryFor)
	errs.checkUnit("Cache.MaxStale", cfg.Cache.MaxStale)
	if d := cfg.Cache.MaxStale; d != 0 && d < minCacheMaxStale && duration.ForgottenUnit(d) == "" {
		errs.add("Cache.MaxStale", "%v is shorter than %v; use a longer duration, or 0 for the default of %v", d, minCacheMaxStale, defaultCacheMaxStale)
	}
}

// checkLayout adds an error for each missing pattern of a layout that is not
// zero.
func (cfg Config) checkLayout(errs *configErrors) {
	if cfg.Layout.IsZero() {
		return
	}
	l := cfg.Layout
	for _, f := range []struct {
		name    string
		pattern keyspace.Pattern
	}{
		{"User", l.User}, {"State", l.State}, {"Table", l.Table}, {"SharedState", l.SharedState},
		{"Trigger", l.Trigger}, {"BatchList", l.BatchList}, {"PendingSet", l.PendingSet}, {"Generic", l.Generic},
		{"Feed", l.Feed}, {"Topic", l.Topic}, {"Limit", l.Limit},
	} {
		if f.pattern == (keyspace.Pattern{}) {
			errs.add("Layout."+f.name, "the pattern is missing; copy keyspace.Default() and change single patterns")
		}
	}
}

// parseURLs parses URLs. The result contains nil for an invalid URL.
func (cfg Config) parseURLs(errs *configErrors) map[Alias]*endpoint {
	byAlias := make(map[Alias]*endpoint, len(cfg.URLs))
	for _, a := range slices.Sorted(maps.Keys(cfg.URLs)) {
		field := entryName("URLs", a)
		checkAlias(errs, field, a)
		e, reason := parseURL(cfg.URLs[a])
		if reason != "" {
			errs.add(field, "%s", reason)
		}
		byAlias[a] = e
	}
	return byAlias
}

// parseURL parses URL or its default. The result is nil if there is none, or
// if it is invalid.
func (cfg Config) parseURL(errs *configErrors) *endpoint {
	raw := cfg.URL
	switch {
	case raw == "" && len(cfg.URLs) > 0:
		return nil
	case raw == "":
		raw = defaultURL
	}
	e, reason := parseURL(raw)
	if reason != "" {
		errs.add("URL", "%s", reason)
	}
	return e
}

func (cfg Config) checkDatabases(errs *configErrors, byAlias map[Alias]*endpoint) {
	for _, a := range slices.Sorted(maps.Keys(cfg.Databases)) {
		field, database := entryName("Databases", a), cfg.Databases[a]
		e, hasURL := byAlias[a]
		if !hasURL {
			checkAlias(errs, field, a)
		}
		if database < 0 {
			errs.add(field, "%d is negative; database numbers start at 0", database)
		}
		switch {
		case cfg.SingleDatabase && database > 0:
			errs.add(field, "%d has no effect, because Config.SingleDatabase puts all aliases into one database; write 0, or remove SingleDatabase", database)
		case !hasURL && cfg.URL == "" && len(cfg.URLs) > 0:
			errs.add(field, "the alias has no URL; add Config.%s, or set Config.URL for all aliases that are not in Config.URLs", entryName("URLs", a))
		case e != nil && e.database != nil && *e.database != database:
			errs.add(field, "%d differs from database %d in Config.%s; remove one of the two", database, *e.database, entryName("URLs", a))
		}
	}
}

// groupByServer returns the servers with their aliases. Aliases that have the
// same URL, apart from the database, share a server.
func (cfg Config) groupByServer(byAlias map[Alias]*endpoint, shared *endpoint) []*server {
	var servers []*server
	byURL := make(map[string]*server)
	for _, a := range cfg.aliases() {
		e, hasURL := byAlias[a]
		if !hasURL {
			e = shared
		}
		if e == nil {
			continue
		}
		s := byURL[e.url]
		if s == nil {
			s = &server{endpoint: *e}
			byURL[e.url] = s
			servers = append(servers, s)
		}
		s.members = append(s.members, cfg.member(a, e, hasURL))
	}
	return servers
}

// member returns the database of an alias with the endpoint e. If hasURL is
// false, e is that of all aliases.
func (cfg Config) member(a Alias, e *endpoint, hasURL bool) member {
	if cfg.SingleDatabase {
		m := member{alias: a}
		if e.database != nil {
			m.database, m.configured = *e.database, true
		}
		return m
	}
	m := member{alias: a, database: defaultDatabases[a]}
	if database, ok := cfg.Databases[a]; ok {
		m.database, m.configured = database, true
	} else if hasURL && e.database != nil {
		m.database, m.configured = *e.database, true
	}
	return m
}

// checkLogins adds an error for each URL with a login if Credentials is set.
func (cfg Config) checkLogins(errs *configErrors, byAlias map[Alias]*endpoint, shared *endpoint) {
	if cfg.Credentials == nil {
		return
	}
	const reason = "the URL has a user or a password, and Config.Credentials is set; remove one of the two"
	if shared != nil && shared.hasLogin() {
		errs.add("URL", reason)
	}
	for _, a := range slices.Sorted(maps.Keys(byAlias)) {
		if e := byAlias[a]; e != nil && e.hasLogin() {
			errs.add(entryName("URLs", a), reason)
		}
	}
}

// configureServers applies TLS and Credentials to the options of the servers.
func (cfg Config) configureServers(errs *configErrors, p *plan) {
	usesTLS := false
	for _, s := range p.servers {
		if cfg.TLS != nil && s.opt.TLSConfig != nil {
			usesTLS = true
			s.opt.TLSConfig = mergeTLS(cfg.TLS, s.opt.TLSConfig)
			s.serverName = cfg.TLS.ServerName
		}
		if cfg.Credentials != nil {
			s.opt.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
				ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
				defer cancel()
				user, password, err := cfg.Credentials(ctx)
				if err != nil {
					return rueidis.AuthCredentials{}, fmt.Errorf("Config.Credentials: %w", err)
				}
				return rueidis.AuthCredentials{Username: user, Password: password}, nil
			}
		}
	}
	if cfg.TLS != nil && !usesTLS && len(p.servers) > 0 {
		errs.add("TLS", "no URL uses TLS; write rediss:// instead of redis://, or remove TLS")
	}
}

// mergeTLS returns a copy of conf with what it does not set from ofURL.
func mergeTLS(conf, ofURL *tls.Config) *tls.Config {
	conf = conf.Clone()
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	conf.InsecureSkipVerify = conf.InsecureSkipVerify || ofURL.InsecureSkipVerify
	if conf.ServerName == "" {
		conf.ServerName = ofURL.ServerName
	}
	if get := conf.GetClientCertificate; get != nil {
		conf.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := get(request)
			if err != nil {
				err = fmt.Errorf("Config.TLS.GetClientCertificate: %w", err)
			}
			return cert, err
		}
	}
	return conf
}

// aliases returns all aliases that may have a URL, in sorted order.
func (cfg Config) aliases() []Alias {
	all := slices.Collect(maps.Keys(defaultDatabases))
	all = slices.AppendSeq(all, maps.Keys(cfg.URLs))
	all = slices.AppendSeq(all, maps.Keys(cfg.Databases))
	slices.Sort(all)
	return slices.Compact(all)
}

// checkCollisions adds an error for each alias in the database of another.
func checkCollisions(errs *configErrors, servers []*server) {
	type location struct {
		server   string
		database int
	}
	first := make(map[location]Alias)
	for _, s := range servers {
		if s.hasSeveralNodes() {
			continue
		}
		for _, m := range s.members {
			at := location{s.location, m.database}
			other, taken := first[at]
			if !taken {
				first[at] = m.alias
				continue
			}
			errs.add(entryName("Databases", m.alias),
				"%s and %s share database %d of %s, so their keys would mix; give one of them another database, or set Config.PrefixKeys, or set Config.SingleDatabase if the server has only one",
				other, m.alias, m.database, s.addr)
		}
	}
}

func checkAlias(errs *configErrors, field string, a Alias) {
	if !a.valid() {
		errs.add(field, "the alias %q is empty, or contains white space, a control character or one of : %% { } * ? [ ] \\; use a plain word, because it may become a prefix of keys", string(a))
	}
}

// entryName returns the name of an entry in a map of Config: "URLs[user]".
func entryName(field string, a Alias) string { return fmt.Sprintf("%s[%s]", field, a) }
