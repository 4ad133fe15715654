package pool

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// endpoint is what a URL says.
type endpoint struct {
	opt   rueidis.ClientOption // without a database
	db    *int                 // the database number, where the URL has one
	addr  string               // for people: addresses without the login
	place string               // for comparison: two endpoints of one place hold the same keys
	key   string               // for comparison: two endpoints of one key can share a client; holds the password
}

// several reports whether the URL can only mean a cluster.
func (e *endpoint) several() bool {
	return len(e.opt.InitAddress) > 1 && e.opt.Sentinel.MasterSet == ""
}

// parameters are the query parameters that rueidis.ParseURL knows, each with
// what is wrong with a value, if anything. It takes any other in silence.
var parameters = map[string]func(value string) string{
	"addr":          wantAddr,
	"client_cache":  wantAny,
	"client_name":   wantName,
	"db":            wantDatabase,
	"dial_timeout":  wantDuration,
	"master_set":    wantName,
	"max_retries":   wantNumber,
	"protocol":      wantProtocol,
	"skip_verify":   wantFlag,
	"write_timeout": wantDuration,
}

// parseURL gives what raw says, or nil and what is wrong with it. The reason
// quotes nothing that may be part of a password, and so neither an error of
// url.Parse nor one of rueidis.ParseURL, since those quote the URL.
func parseURL(raw string) (e *endpoint, reason string) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, parseFault(err)
	}
	unix := u.Scheme == "unix"
	if reason = authorityFault(u, unix); reason != "" {
		return nil, reason
	}
	query, reason := parseQuery(u)
	if reason != "" {
		return nil, reason
	}
	db, reason := parseDatabase(u, query, unix)
	if reason != "" {
		return nil, reason
	}

	query.Del("db")
	u.RawQuery = query.Encode()
	if !unix {
		u.Path, u.RawPath = "", ""
	}
	opt, err := rueidis.ParseURL(u.String())
	if err != nil {
		return nil, "the URL does not parse; write redis://user:password@host:6379"
	}
	return newEndpoint(opt, db, u.String()), ""
}

func newEndpoint(opt rueidis.ClientOption, db *int, key string) *endpoint {
	places := slices.Clone(opt.InitAddress)
	for i, a := range places {
		places[i] = strings.Replace(strings.ToLower(a), "localhost:", "127.0.0.1:", 1)
	}
	slices.Sort(places)
	return &endpoint{
		opt:   opt,
		db:    db,
		addr:  strings.Join(opt.InitAddress, ","),
		place: strings.Join(places, ",") + "\x00" + opt.Sentinel.MasterSet,
		key:   key,
	}
}

const (
	schemes  = "redis, rediss, valkey, valkeys and unix"
	encoding = "percent-encode / ? # [ ] @ and % in the user and the password"
)

// parseFault says why url.Parse refused a URL, without its words.
func parseFault(err error) string {
	var escape url.EscapeError
	var host url.InvalidHostError
	switch {
	case errors.As(err, &escape):
		return "the URL holds a % that begins no escape; write %25 for a percent sign"
	case errors.As(err, &host):
		return "the host holds a character that no host has; " + encoding
	case strings.Contains(err.Error(), "invalid port"):
		return "what follows the host's colon is not a port; " + encoding
	case strings.Contains(err.Error(), "userinfo"):
		return "the user or the password holds a character that a URL cannot; percent-encode it"
	case strings.Contains(err.Error(), "scheme"), strings.Contains(err.Error(), "first path segment"):
		return "the URL has no scheme; write redis://host:6379"
	}
	return "the URL does not parse; write redis://user:password@host:6379"
}

func authorityFault(u *url.URL, unix bool) string {
	switch {
	case u.Scheme == "":
		return "the URL has no scheme; write redis://host:6379"
	case !slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, u.Scheme):
		return "the scheme is none of " + schemes + "; write redis://host:6379"
	case u.Opaque != "":
		return "the scheme is not followed by //; write redis://host:6379"
	case u.Fragment != "":
		return "the URL holds a #; " + encoding
	case strings.Contains(u.EscapedPath()+u.RawQuery, "@"):
		return "an @ follows the end of the address; " + encoding + ", and an @ in a socket's path"
	case unix && u.Host != "":
		return "the socket's path is not absolute; write unix:///run/redis.sock"
	case unix && strings.Trim(u.Path, "/ ") == "":
		return "the URL has no path; write unix:///run/redis.sock"
	case !unix && u.Hostname() == "":
		return "the URL names no host; write redis://127.0.0.1:6379"
	case u.Port() != "" && !isPort(u.Port()):
		return "the port is not between 1 and 65535"
	case !unix && !isHost(u.Hostname()):
		return "the host holds a character that no host has; " + encoding + "; a login ends with an @: redis://user:password@host:6379"
	}
	return ""
}

// isHost reports whether s is an IP address or made of the characters of host
// names. What is no host may be a password, and is not looked up.
func isHost(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return strings.Trim(ip.Zone(), nameCharacters) == "" && len(ip.Zone()) <= 15
	}
	return len(s) <= 253 && strings.Trim(s, nameCharacters) == "" && strings.Trim(s, "._-") != ""
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func parseQuery(u *url.URL) (url.Values, string) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "the query does not parse; write ?name=value&name=value and percent-encode the values"
	}
	for name, values := range query {
		want, known := parameters[name]
		if !known {
			return nil, "the query has an unknown parameter; known are " +
				strings.Join(slices.Sorted(maps.Keys(parameters)), ", ")
		}
		if len(values) > 1 && name != "addr" {
			return nil, "the query gives " + name + " more than once"
		}
		for _, v := range values {
			if fault := want(v); fault != "" {
				return nil, "the query's " + name + " " + fault
			}
		}
	}
	return query, ""
}

func parseDatabase(u *url.URL, query url.Values, unix bool) (*int, string) {
	text := strings.TrimPrefix(u.Path, "/")
	if unix {
		text = ""
	}
	if text != "" && wantDatabase(text) != "" {
		return nil, "the path is not a database number; write redis://host:6379/0, and " + encoding
	}
	if query.Has("db") {
		if text != "" && text != query.Get("db") {
			return nil, "the path and the query's db give two databases; remove one"
		}
		text = query.Get("db")
	}
	if text == "" {
		return nil, ""
	}
	n, _ := strconv.Atoi(text)
	return &n, ""
}

func wantAny(string) string { return "" }

func wantName(v string) string {
	if v == "" || strings.ContainsAny(v, " \t\r\n") {
		return "is empty or holds a blank"
	}
	return ""
}

func wantAddr(v string) string {
	host, port, err := net.SplitHostPort(v)
	if err != nil || !isHost(host) || !isPort(port) {
		return "is not host:port"
	}
	return ""
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func wantDatabase(v string) string {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return "is not a database number"
	}
	return ""
}

func wantDuration(v string) string {
	if d, err := time.ParseDuration(v); err != nil || d <= 0 {
		return "is not a positive duration such as 2s"
	}
	return ""
}

func wantNumber(v string) string {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return "is not a number"
	}
	return ""
}

func wantProtocol(v string) string {
	if v != "2" && v != "3" {
		return "is neither 2 nor 3"
	}
	return ""
}

func wantFlag(v string) string {
	if _, err := strconv.ParseBool(v); v != "" && err != nil {
		return "is neither true nor false"
	}
	return ""
}
