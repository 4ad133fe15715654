// Package acl tells which ACL rule a user of Redis lacks, from the server's
// refusal of a command.
package acl

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/rueidis"
)

// ErrNoPermission is a command, key or channel that the user has no right to.
var ErrNoPermission = errors.New("the Redis user lacks a right")

// Error is a refusal for want of a right.
type Error struct {
	// Rule is the rule of ACL SETUSER that grants the command, such as "+time".
	// It is empty if the right is one to a key or a channel, or is not known.
	Rule string
	// Script reports whether a script was refused a command when it ran, and
	// not the script itself: what it did before stays done.
	Script bool

	text string
	err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%v: %s (%v)", ErrNoPermission, e.text, e.err) }

// Is reports whether target is ErrNoPermission.
func (e *Error) Is(target error) bool { return target == ErrNoPermission }

// Unwrap returns what the server said.
func (e *Error) Unwrap() error { return e.err }

// The server's words. Those of Redis 7.0 within scripts name no command, but
// the script and its line.
var (
	command = regexp.MustCompile(`run the '([^']+)' command`)
	place   = regexp.MustCompile(`script: ([0-9a-f]{40}), on @user_script:(\d+)`)
	call    = regexp.MustCompile(`redis\.p?call\('([A-Za-z]+)'`)
	helper  = regexp.MustCompile(`local function (\w+)\(((?:\w+, )*)command\b`) // it calls what it is given
	chosen  = regexp.MustCompile(`local command = .*`)
	word    = regexp.MustCompile(`'([A-Z]+)'`)
)

// Explain returns err, or if it is the server's refusal for want of a right, an
// *Error that says which rule grants it.
func Explain(err error) error {
	text := said(err)
	if text == "" || errors.Is(err, ErrNoPermission) {
		return err
	}
	inScript := strings.Contains(text, "on @user_script") || strings.Contains(text, "NOPERM ACL failure in script")
	old := strings.HasPrefix(text, "The user executing the script can't ") // Redis before 7.2
	transaction := strings.HasPrefix(text, "EXECABORT") && strings.Contains(text, "NOPERM ")
	if !strings.HasPrefix(text, "NOPERM") && !old && !transaction {
		return err
	}
	e := &Error{Script: inScript || old, err: err}
	switch {
	case command.MatchString(text):
		e.allow(command.FindStringSubmatch(text)[1])
	case strings.Contains(text, "key"):
		e.text = "it may not access a key of this call; give it the key patterns of the repository" + listed
	case strings.Contains(text, "channel"):
		e.text = "it may not use a channel of this call; give it the channel patterns of the repository" + listed
	case old:
		e.locate(text)
	default:
		e.text = "give it the rights of the repository" + listed
	}
	return e
}

// said is what the server said, also when it refused CLIENT TRACKING to a
// connection that was being made.
func said(err error) string {
	var refused *rueidis.RedisError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, rueidis.ErrNoCache):
		return err.Error()
	}
	return ""
}

const listed = ", which docs/security.md lists"

func (e *Error) allow(name string) {
	e.Rule = "+" + strings.ToLower(name)
	e.text = fmt.Sprintf("it may not run %s; ACL SETUSER with %s allows it, and docs/security.md lists the rights of each repository", strings.ToUpper(name), e.Rule)
}

// locate finds the command in the script that was refused it.
func (e *Error) locate(text string) {
	e.text = "a script may not run a command of its own; give it the commands of the repository" + listed
	at := place.FindStringSubmatch(text)
	if at == nil {
		return
	}
	source, known := scripts.Load(at[1])
	if !known {
		return
	}
	lines := strings.Split(source.(string), "\n")
	called := names(source.(string))
	if n, _ := strconv.Atoi(at[2]); n > 0 && n <= len(lines) {
		if line := names(lines[n-1]); len(line) > 0 {
			called = line
		}
	}
	if len(called) == 1 {
		e.allow(called[0])
		return
	}
	e.text = fmt.Sprintf("a script may not run one of %s; give it the commands of the repository%s", strings.Join(called, ", "), listed)
}

// names are the commands that a part of a script calls.
func names(source string) []string {
	all := found(call, source)
	for _, line := range chosen.FindAllString(source, -1) {
		all = append(all, found(word, line)...)
	}
	for _, f := range helper.FindAllStringSubmatch(source, -1) {
		before := strings.Count(f[2], ",")
		given := regexp.MustCompile(fmt.Sprintf(`\b%s\((?:[^,()]*,){%d} *'([A-Z]+)'`, f[1], before))
		all = append(all, found(given, source)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// found is the first group of each match, in capitals.
func found(pattern *regexp.Regexp, source string) []string {
	var all []string
	for _, match := range pattern.FindAllStringSubmatch(source, -1) {
		all = append(all, strings.ToUpper(match[1]))
	}
	return all
}

// scripts are the sources of the scripts by their SHA1.
var scripts sync.Map

// RegisterScript returns source, and remembers it, so that Explain can tell what one of
// its lines calls.
func RegisterScript(source string) string {
	sum := sha1.Sum([]byte(source))
	scripts.Store(hex.EncodeToString(sum[:]), source)
	return source
}
