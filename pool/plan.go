package pool

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/keyspace"
)

// plan is a Config without mistakes: every alias with its server and database.
type plan struct {
	servers       []*server
	prefixKeys    bool
	layout        keyspace.Layout // may be zero
	timeout       time.Duration
	maxValueBytes int
	maxDecoded    int
	newClient     func(rueidis.ClientOption) (rueidis.Client, error)
	logger        *slog.Logger
	cache         *nearcache.Cache // nil: disabled
	saidUncached  sync.Once
	ignoredDB     *int // the database number in Config.URL
}

// server is one server, cluster or Sentinel set under one login.
type server struct {
	endpoint
	members     []member
	saidWaiting sync.Once
}

type member struct {
	alias  Alias
	db     int
	chosen bool // whether the Config names the database
}

// mistakes collects what is wrong with a Config.
type mistakes []error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, &ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

func (cfg Config) plan() (*plan, error) {
	p := &plan{
		prefixKeys:    cfg.PrefixKeys,
		layout:        cfg.Layout,
		timeout:       min(cfg.Timeout, longestTimeout),
		maxValueBytes: cfg.MaxValueBytes,
		maxDecoded:    cfg.MaxDecodedBytes,
		newClient:     cfg.NewClient,
		logger:        cfg.Logger,
	}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	if p.maxValueBytes == 0 {
		p.maxValueBytes = defaultMaxValueBytes
	}
	if p.maxDecoded == 0 {
		p.maxDecoded = defaultMaxDecoded
	}
	if p.newClient == nil {
		p.newClient = rueidis.NewClient
	}
	if p.logger == nil {
		p.logger = slog.Default()
	}
	p.cache = cfg.Cache.open()

	var bad mistakes
	cfg.checkLimits(&bad)
	cfg.checkLayout(&bad)
	own := cfg.ownURLs(&bad)
	shared := cfg.sharedURL(&bad)
	cfg.checkDatabases(&bad, own)
	p.servers = cfg.place(own, shared)
	if !cfg.PrefixKeys {
		checkCollisions(&bad, p.servers)
	}
	if shared != nil {
		p.ignoredDB = shared.db
	}
	return p, errors.Join(bad...)
}

func (cfg Config) checkLimits(bad *mistakes) {
	if cfg.Timeout < 0 {
		bad.add("Timeout", "%v is negative; give a positive duration, or none for %v", cfg.Timeout, defaultTimeout)
	}
	if cfg.MaxValueBytes < 0 {
		bad.add("MaxValueBytes", "%d is negative; give a positive number, or none for %d", cfg.MaxValueBytes, defaultMaxValueBytes)
	}
	if cfg.MaxDecodedBytes < 0 {
		bad.add("MaxDecodedBytes", "%d is negative; give a positive number, or none for %d", cfg.MaxDecodedBytes, defaultMaxDecoded)
	}
	if cfg.Cache.MaxBytes < 0 {
		bad.add("Cache.MaxBytes", "%d is negative; give a positive number, or none for %d, or set Cache.Disabled", cfg.Cache.MaxBytes, defaultCacheBytes)
	}
	if d := cfg.Cache.MaxStale; d != 0 && d < leastMaxStale {
		bad.add("Cache.MaxStale", "%v is under %v; give a longer duration, or none for %v", d, leastMaxStale, defaultMaxStale)
	}
}

// checkLayout refuses a layout with some patterns and not others.
func (cfg Config) checkLayout(bad *mistakes) {
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
	} {
		if f.pattern == (keyspace.Pattern{}) {
			bad.add("Layout."+f.name, "the pattern is missing; begin with keyspace.Default() and change what differs")
		}
	}
}

// ownURLs parses URLs. A bad one is nil in the result.
func (cfg Config) ownURLs(bad *mistakes) map[Alias]*endpoint {
	own := make(map[Alias]*endpoint, len(cfg.URLs))
	for _, a := range slices.Sorted(maps.Keys(cfg.URLs)) {
		field := entry("URLs", a)
		checkAlias(bad, field, a)
		e, reason := parseURL(cfg.URLs[a])
		if reason != "" {
			bad.add(field, "%s", reason)
		}
		own[a] = e
	}
	return own
}

// sharedURL parses URL. It is nil if there is none or it is bad.
func (cfg Config) sharedURL(bad *mistakes) *endpoint {
	raw := cfg.URL
	switch {
	case raw == "" && len(cfg.URLs) > 0:
		return nil
	case raw == "":
		raw = defaultURL
	}
	e, reason := parseURL(raw)
	if reason != "" {
		bad.add("URL", "%s", reason)
	}
	return e
}

func (cfg Config) checkDatabases(bad *mistakes, own map[Alias]*endpoint) {
	for _, a := range slices.Sorted(maps.Keys(cfg.Databases)) {
		field, db := entry("Databases", a), cfg.Databases[a]
		e, named := own[a]
		if !named {
			checkAlias(bad, field, a)
		}
		if db < 0 {
			bad.add(field, "%d is negative; databases are numbered from 0", db)
		}
		switch {
		case !named && cfg.URL == "" && len(cfg.URLs) > 0:
			bad.add(field, "the alias has no URL; add Config.%s, or Config.URL for every alias without its own", entry("URLs", a))
		case e != nil && e.db != nil && *e.db != db:
			bad.add(field, "%d, but Config.%s says database %d; remove one of the two", db, entry("URLs", a), *e.db)
		}
	}
}

// place groups the aliases by server.
func (cfg Config) place(own map[Alias]*endpoint, shared *endpoint) []*server {
	var servers []*server
	byKey := make(map[string]*server)
	for _, a := range cfg.aliases() {
		e, named := own[a]
		if !named {
			e = shared
		}
		if e == nil {
			continue
		}
		s := byKey[e.key]
		if s == nil {
			s = &server{endpoint: *e}
			byKey[e.key] = s
			servers = append(servers, s)
		}
		m := member{alias: a, db: databases[a]}
		if db, ok := cfg.Databases[a]; ok {
			m.db, m.chosen = db, true
		} else if named && e.db != nil {
			m.db, m.chosen = *e.db, true
		}
		s.members = append(s.members, m)
	}
	return servers
}

// aliases gives every alias that may have a URL.
func (cfg Config) aliases() []Alias {
	all := slices.Collect(maps.Keys(databases))
	all = slices.AppendSeq(all, maps.Keys(cfg.URLs))
	all = slices.AppendSeq(all, maps.Keys(cfg.Databases))
	slices.Sort(all)
	return slices.Compact(all)
}

// checkCollisions refuses two aliases in one database: their keys would mix.
func checkCollisions(bad *mistakes, servers []*server) {
	type place struct {
		server string
		db     int
	}
	first := make(map[place]Alias)
	for _, s := range servers {
		if s.several() {
			continue
		}
		for _, m := range s.members {
			at := place{s.place, m.db}
			other, taken := first[at]
			if !taken {
				first[at] = m.alias
				continue
			}
			bad.add(entry("Databases", m.alias),
				"%s and %s share database %d of %s, so their keys would mix; give one of them another database, or set Config.PrefixKeys",
				other, m.alias, m.db, s.addr)
		}
	}
}

func checkAlias(bad *mistakes, field string, a Alias) {
	if !a.valid() {
		bad.add(field, "the alias %q is empty or holds a blank, a control character or one of : %% { } * ? [ ] \\; it may become a prefix of keys, so choose a plain word", string(a))
	}
}

func entry(field string, a Alias) string { return fmt.Sprintf("%s[%s]", field, a) }
