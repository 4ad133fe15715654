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

// endpoint is a parsed URL.
type endpoint struct {
	opt      rueidis.ClientOption // without a database
	database *int                 // nil if the URL has no database number
	addr     string               // for messages: the addresses, without the login
	location string               // equal for two endpoints that hold the same keys
	url      string               // without the database; contains the password

	serverName string // the name of all servers in their certificates; empty if each has its own
}

func (e *endpoint) hasLogin() bool { return e.opt.Username != "" || e.opt.Password != "" }

// hasSeveralNodes reports whether the URL has several addresses that are not
// those of sentinels. It must then be a cluster.
func (e *endpoint) hasSeveralNodes() bool {
	return len(e.opt.InitAddress) > 1 && e.opt.Sentinel.MasterSet == ""
}

// singleAddr returns the address, or "" if the URL has several or those of
// sentinels.
func (e *endpoint) singleAddr() string {
	if len(e.opt.InitAddress) != 1 || e.opt.Sentinel.MasterSet != "" {
		return ""
	}
	return e.opt.InitAddress[0]
}

// queryParameters are the parameters that rueidis.ParseURL knows. Each function
// returns what a value must be, or "" if the value is valid. ParseURL itself
// ignores unknown parameters.
var queryParameters = map[string]func(value string) string{
	"addr":          checkAddr,
	"client_cache":  acceptAny,
	"client_name":   checkName,
	"db":            checkDatabase,
	"dial_timeout":  checkDuration,
	"master_set":    checkName,
	"max_retries":   checkNumber,
	"protocol":      checkProtocol,
	"skip_verify":   checkFlag,
	"write_timeout": checkDuration,
}

// parseURL returns the endpoint of raw, or nil and why raw is invalid. The
// reason quotes nothing that may be part of a password. In particular, it
// contains no error of url.Parse and rueidis.ParseURL, which quote the URL.
func parseURL(raw string) (e *endpoint, reason string) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, explainParseError(err)
	}
	unix := u.Scheme == "unix"
	if reason = checkAuthority(u, unix); reason != "" {
		return nil, reason
	}
	query, reason := parseQuery(u)
	if reason != "" {
		return nil, reason
	}
	database, reason := parseDatabase(u, query, unix)
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
		return nil, "the URL is invalid; write redis://user:password@host:6379"
	}
	return newEndpoint(opt, database, u.String()), ""
}

func newEndpoint(opt rueidis.ClientOption, database *int, rawURL string) *endpoint {
	addrs := slices.Clone(opt.InitAddress)
	for i, a := range addrs {
		addrs[i] = strings.Replace(strings.ToLower(a), "localhost:", "127.0.0.1:", 1)
	}
	slices.Sort(addrs)
	return &endpoint{
		opt:      opt,
		database: database,
		addr:     strings.Join(opt.InitAddress, ","),
		location: strings.Join(addrs, ",") + "\x00" + opt.Sentinel.MasterSet,
		url:      rawURL,
	}
}

const (
	schemes      = "redis, rediss, valkey, valkeys or unix"
	encodingHint = "percent-encode the characters / ? # [ ] @ and % of the user and the password"
)

// explainParseError returns why url.Parse refused a URL, without quoting it.
func explainParseError(err error) string {
	var escape url.EscapeError
	var host url.InvalidHostError
	switch {
	case errors.As(err, &escape):
		return "the URL contains a % that does not begin an escape sequence; write %25 for a percent sign"
	case errors.As(err, &host):
		return "the host contains an invalid character; " + encodingHint
	case strings.Contains(err.Error(), "invalid port"):
		return "the text after the colon of the host is not a port; " + encodingHint
	case strings.Contains(err.Error(), "userinfo"):
		return "the user or the password contains a character that is invalid in a URL; percent-encode it"
	case strings.Contains(err.Error(), "scheme"), strings.Contains(err.Error(), "first path segment"):
		return "the URL has no scheme; write redis://host:6379"
	}
	return "the URL is invalid; write redis://user:password@host:6379"
}

func checkAuthority(u *url.URL, unix bool) string {
	switch {
	case u.Scheme == "":
		return "the URL has no scheme; write redis://host:6379"
	case !slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, u.Scheme):
		return "the scheme is unknown; use " + schemes + ", as in redis://host:6379"
	case u.Opaque != "":
		return "the scheme is not followed by //; write redis://host:6379"
	case u.Fragment != "":
		return "the URL contains a #; " + encodingHint
	case strings.Contains(u.EscapedPath()+u.RawQuery, "@"):
		return "the URL contains an @ after the host; " + encodingHint + ", and an @ in the path of a socket"
	case unix && u.Host != "":
		return "the path of the socket is not absolute; write unix:///run/redis.sock"
	case unix && strings.Trim(u.Path, "/ ") == "":
		return "the URL has no path; write unix:///run/redis.sock"
	case !unix && u.Hostname() == "":
		return "the URL has no host; write redis://127.0.0.1:6379"
	case u.Port() != "" && !isPort(u.Port()):
		return "the port is not a number from 1 to 65535; write redis://host:6379"
	case !unix && !isHost(u.Hostname()):
		return "the host contains an invalid character; " + encodingHint + "; a login ends with an @, as in redis://user:password@host:6379"
	}
	return ""
}

// isHost reports whether s is an IP address or consists of the characters of
// host names. Other text may be a misplaced password. It is not looked up.
func isHost(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return strings.Trim(ip.Zone(), hostCharacters) == "" && len(ip.Zone()) <= 15
	}
	return len(s) <= 253 && strings.Trim(s, hostCharacters) == "" && strings.Trim(s, "._-") != ""
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func parseQuery(u *url.URL) (url.Values, string) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "the query is invalid; write ?name=value&name=value and percent-encode the values"
	}
	for name, values := range query {
		check, known := queryParameters[name]
		if !known {
			return nil, "the query has an unknown parameter; the known ones are " +
				strings.Join(slices.Sorted(maps.Keys(queryParameters)), ", ")
		}
		if len(values) > 1 && name != "addr" {
			return nil, "the query has the parameter " + name + " more than once; remove all but one"
		}
		for _, v := range values {
			if requirement := check(v); requirement != "" {
				return nil, "the query parameter " + name + " must be " + requirement
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
	if text != "" && checkDatabase(text) != "" {
		return nil, "the path is not a database number; write redis://host:6379/0, and " + encodingHint
	}
	if query.Has("db") {
		if text != "" && text != query.Get("db") {
			return nil, "the path and the query parameter db name two databases; remove one of them"
		}
		text = query.Get("db")
	}
	if text == "" {
		return nil, ""
	}
	n, _ := strconv.Atoi(text)
	return &n, ""
}

func acceptAny(string) string { return "" }

func checkName(v string) string {
	if v == "" || strings.ContainsAny(v, " \t\r\n") {
		return "a name without white space"
	}
	return ""
}

func checkAddr(v string) string {
	host, port, err := net.SplitHostPort(v)
	if err != nil || !isHost(host) || !isPort(port) {
		return "host:port"
	}
	return ""
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

func checkDatabase(v string) string {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return "a database number"
	}
	return ""
}

func checkDuration(v string) string {
	if d, err := time.ParseDuration(v); err != nil || d <= 0 {
		return "a positive duration such as 2s"
	}
	return ""
}

func checkNumber(v string) string {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return "a whole number, 0 or more"
	}
	return ""
}

func checkProtocol(v string) string {
	if v != "2" && v != "3" {
		return "2 or 3"
	}
	return ""
}

func checkFlag(v string) string {
	if _, err := strconv.ParseBool(v); v != "" && err != nil {
		return "true or false"
	}
	return ""
}
