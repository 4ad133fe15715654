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
)

const (
	masked   = "xxxxx"
	notShown = "(not shown)"
)

// String returns the fields that are set. It masks users and passwords. It
// shows nothing of a URL that cannot be parsed, and hides a host that may be a
// misplaced password: a single word without a port, except localhost.
func (cfg Config) String() string { return "{" + cfg.text(" ") + "}" }

// GoString returns the same fields as [Config.String], in the form of %#v.
func (cfg Config) GoString() string { return "pool.Config{" + cfg.text(", ") + "}" }

// Format writes [Config.GoString] for %#v, and [Config.String] for all other
// verbs.
func (cfg Config) Format(f fmt.State, verb rune) {
	text := cfg.String()
	if verb == 'v' && f.Flag('#') {
		text = cfg.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt ignores this error too
}

// LogValue returns the fields that are set, masked as by [Config.String].
func (cfg Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for name, value := range cfg.printable() {
		attrs = append(attrs, slog.Any(name, value))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}

// MarshalJSON returns an object of the fields that are set, masked as by
// [Config.String]. It is for logs: a Config cannot be decoded from it.
func (cfg Config) MarshalJSON() ([]byte, error) { return json.Marshal(cfg.printable()) }

func (cfg Config) text(separator string) string {
	var b strings.Builder
	fields := cfg.printable()
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			b.WriteString(separator)
		}
		fmt.Fprintf(&b, "%s:%v", name, fields[name])
	}
	return b.String()
}

// printable returns the fields that are set. For a field of a type that it does
// not know, the value is "(set)".
func (cfg Config) printable() map[string]any {
	printable := make(map[string]any)
	for field, v := range reflect.ValueOf(cfg).Fields() {
		if v.IsZero() {
			continue
		}
		switch value := v.Interface().(type) {
		case string:
			printable[field.Name] = redactURL(value)
		case map[Alias]string:
			urls := make(map[Alias]string, len(value))
			for a, u := range value {
				urls[a] = redactURL(u)
			}
			printable[field.Name] = urls
		case time.Duration:
			printable[field.Name] = value.String()
		case bool, int, int64, map[Alias]int, Cache:
			printable[field.Name] = value
		default:
			printable[field.Name] = "(set)"
		}
	}
	return printable
}

// redactURL masks the user and the password of a URL. It also hides a host that
// may be a misplaced password.
func redactURL(raw string) string {
	e, reason := parseURL(raw)
	u, err := url.Parse(raw)
	if e == nil || reason != "" || err != nil {
		return notShown
	}
	if u.User != nil {
		u.User = url.User(masked)
	} else if u.Port() == "" && u.Host != "" && mayBePassword(u.Host) {
		return u.Scheme + "://" + notShown
	}
	return u.String()
}

// mayBePassword reports whether a host may be a password in the place of the
// host: a single word such as hunter2.
func mayBePassword(host string) bool { return host != "localhost" && !strings.ContainsAny(host, ".:/") }

// redactAddrs hides the hosts that may be misplaced passwords. It is for
// addresses that the resolver has not found before Open ended.
func redactAddrs(addrs string) string {
	all := strings.Split(addrs, ",")
	for i, addr := range all {
		if host, _, err := net.SplitHostPort(addr); err == nil && mayBePassword(host) {
			all[i] = notShown
		}
	}
	return strings.Join(all, ",")
}

// redactDialError hides the host in the error of a resolver, if the host is in
// addrs: it may be a misplaced password.
func redactDialError(err error, addrs string) error {
	var lookup *net.DNSError
	if !errors.As(err, &lookup) || !strings.Contains(addrs, lookup.Name) {
		return err
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{
		Err:         "the resolver does not find the host of the URL; is it a misplaced password?",
		Name:        notShown,
		IsTimeout:   lookup.IsTimeout,
		IsTemporary: lookup.IsTemporary,
		IsNotFound:  lookup.IsNotFound,
	}}
}
