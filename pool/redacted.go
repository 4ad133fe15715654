package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/symphony-go/symphony/internal/acl"
)

const (
	masked   = "xxxxx"
	notShown = "(not shown)"
)

// String returns the fields that are set. Users and passwords are masked, and
// nothing of a URL that does not parse is shown.
func (cfg Config) String() string { return "{" + cfg.text(" ") + "}" }

// GoString is String in the form of %#v.
func (cfg Config) GoString() string { return "pool.Config{" + cfg.text(", ") + "}" }

// Format writes String, and GoString for %#v, whatever the verb.
func (cfg Config) Format(f fmt.State, verb rune) {
	text := cfg.String()
	if verb == 'v' && f.Flag('#') {
		text = cfg.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt ignores it too
}

// LogValue returns the fields that are set, as String does.
func (cfg Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for name, value := range cfg.shown() {
		attrs = append(attrs, slog.Any(name, value))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}

// MarshalJSON returns an object of the fields that are set, as String does. It
// is for logs: a Config cannot be read back from it.
func (cfg Config) MarshalJSON() ([]byte, error) { return json.Marshal(cfg.shown()) }

func (cfg Config) text(separator string) string {
	var b strings.Builder
	shown := cfg.shown()
	for i, name := range slices.Sorted(maps.Keys(shown)) {
		if i > 0 {
			b.WriteString(separator)
		}
		fmt.Fprintf(&b, "%s:%v", name, shown[name])
	}
	return b.String()
}

// shown returns the fields that are set. Of a field whose kind it does not
// know, it says only that it is set.
func (cfg Config) shown() map[string]any {
	shown := make(map[string]any)
	for field, v := range reflect.ValueOf(cfg).Fields() {
		if v.IsZero() {
			continue
		}
		switch value := v.Interface().(type) {
		case string:
			shown[field.Name] = redactURL(value)
		case map[Alias]string:
			urls := make(map[Alias]string, len(value))
			for a, u := range value {
				urls[a] = redactURL(u)
			}
			shown[field.Name] = urls
		case time.Duration:
			shown[field.Name] = value.String()
		case bool, int, int64, map[Alias]int, Cache:
			shown[field.Name] = value
		default:
			shown[field.Name] = "(set)"
		}
	}
	return shown
}

// redactURL masks the user and the password of a URL. A lone word in the host's
// place may be a password, so it is not shown either.
func redactURL(raw string) string {
	e, reason := parseURL(raw)
	u, err := url.Parse(raw)
	if e == nil || reason != "" || err != nil {
		return notShown
	}
	if u.User != nil {
		u.User = url.User(masked)
	} else if u.Port() == "" && u.Host != "" && isWord(u.Host) {
		return u.Scheme + "://" + notShown
	}
	return u.String()
}

// isWord reports whether a host may be a password in the host's place.
func isWord(host string) bool { return host != "localhost" && !strings.ContainsAny(host, ".:/") }

// redactAddrs takes the lone words out of addresses that nobody knows to be
// hosts: Open ended before the resolver had found them.
func redactAddrs(addrs string) string {
	all := strings.Split(addrs, ",")
	for i, addr := range all {
		if host, _, err := net.SplitHostPort(addr); err == nil && isWord(host) {
			all[i] = notShown
		}
	}
	return strings.Join(all, ",")
}

// redactDial takes the name out of the error of a host that the resolver does
// not find, if the URL has it: it may be a password in the host's place.
func redactDial(err error, addrs string) error {
	var lookup *net.DNSError
	if !errors.As(err, &lookup) || !strings.Contains(addrs, lookup.Name) {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
		Err:         "the resolver does not find the URL's host; is it a password in the host's place?",
		Name:        notShown,
		IsTimeout:   lookup.IsTimeout,
		IsTemporary: lookup.IsTemporary,
		IsNotFound:  lookup.IsNotFound,
	}}
}

// connectError is the ConnectError of an alias. It has no address if the
// resolver does not find it.
func connectError(a Alias, addr string, err error) error {
	err = acl.Explain(redactDial(err, addr))
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) && lookup.Name == notShown {
		addr = notShown
	}
	return &ConnectError{Alias: a, Addr: addr, Err: err}
}
