package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

var update = flag.Bool("update", false, "write the outputs in docs/inspect.md")

const page = "../../docs/inspect.md"

// The outputs in docs/inspect.md are those of the program. To update them, run
// go test ./cmd/symphony -run TestPage -update.
func TestPage(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u1", "u2")
	accounts, err := symphony.NewUser[profile](s.pools, "acme", symphony.NoTTL())
	require.NoError(t, err)
	require.NoError(t, accounts.Upsert(ctx, "u2", profile{"Bob", 41}))
	s.users(t, "zoo", "u1")
	s.deadLetters(t, "acme", "u1", `{"to":"ann@example.com"}`)
	s.enqueue(t, "acme", "u1", "a", "b")
	s.enqueue(t, "zoo", "u1", "a")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "expire-trial", "acme", time.Hour))

	text, err := os.ReadFile(page)
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)(```console\n\\$ symphony ([^\n]*)\n)(.*?)(```)").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	written := string(text)
	for _, block := range blocks {
		args := strings.Fields(block[2])
		var r result
		if args[0] == "help" {
			r = runProgram(terminal{}, args...)
		} else {
			r = s.call(args...)
		}
		require.NotEqual(t, exitUsage, r.code, block[2]+": "+r.err)
		got := strings.ReplaceAll(r.out+r.err, s.Addr(), "127.0.0.1:16379")
		if *update {
			written = strings.Replace(written, block[0], block[1]+got+block[4], 1)
			continue
		}
		require.Equal(t, withoutNumbers(block[3]), withoutNumbers(got), block[2])
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(written), 0o600))
	}
}

// The page has an example of each command.
func TestPageIsComplete(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, c := range commands() {
		require.Regexp(t, `(?m)^(\$ )?symphony `+c.name+`\b`, string(text), "the page has no example of %s", c.name)
	}
}

// A user with the rules on the page can run every command that changes nothing.
func TestPageRules(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	rules := regexp.MustCompile(`ACL SETUSER operator on >PASSWORD (.*)`).FindStringSubmatch(string(text))
	require.NotNil(t, rules)
	s := newServer(t)
	s.enqueue(t, "acme", "u1", "a", "b")
	s.deadLetters(t, "acme", "u2", "a")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"})
	s.users(t, "acme", "u1")
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "remind", "t2", time.Hour))
	acl := append([]string{"ACL", "SETUSER", "operator", "on", ">pw"}, strings.Fields(rules[1])...)
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, acl...).Error())
	s.flags = []string{"-url", "redis://operator:pw@" + s.Addr()}
	for _, args := range [][]string{
		{"tenants"},
		{"show", "acme/user/u1"},
		{"show", "acme/trigger/remind/t2"},
		{"queues"},
		{"queues", "-service", "mail"},
		{"triggers", "-tenant", "acme"},
		{"dead"},
		{"top"},
		{"check"},
		{"erase", "acme", "-dry-run"},
		{"export", "acme"},
	} {
		r := s.call(args...)
		require.Empty(t, r.err, args)
	}
	b := browseHandler(t, inspect.Handler(pooltest.Redis(t, pool.Config{URL: s.flags[1]})))
	for _, path := range everyPage {
		require.NotContains(t, b.get(path).body, "may not do this", path)
	}
	for _, args := range [][]string{{"erase", "acme", "-yes"}, {"discard", "t1"}} {
		r := s.call(args...)
		require.Equal(t, exitProblem, r.code)
		require.Contains(t, r.err, "lacks a permission")
	}
}

var (
	changing = regexp.MustCompile(`\d+-\d+-\d+[ T]\d+:\d+:[\d.]+Z?|\d+-[A-Z0-9a-z]+-\d+|\d+h\d+m\d+s|\d+s\b|[\d.]+ (B|[KMG]iB)|\d+(\.\d+)+|"(ttl|memory)":[\d.]+`)
	spaces   = regexp.MustCompile(`[ -]+`)
	server1  = regexp.MustCompile(`(?m)^127\.0\.0\.1:16379 .*$`)
)

// withoutNumbers returns an output without what differs from run to run.
func withoutNumbers(text string) string {
	text = server1.ReplaceAllString(text, "SERVER")
	return spaces.ReplaceAllString(changing.ReplaceAllString(text, "N"), " ")
}
