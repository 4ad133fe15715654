// Package acl finds the ACL rule that a Redis user lacks, from the error with
// which the server refused a command.
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

// ErrNoPermission is wrapped by each [Error].
var ErrNoPermission = errors.New("the Redis user lacks a permission")

// Error reports that the user has no permission for a command, a key or a
// channel.
type Error struct {
	// Rule is the rule of ACL SETUSER that permits the command, such as
	// "+time". It is empty if the permission concerns a key or a channel, or if
	// the command is unknown.
	Rule string

	// AfterOthers is whether a script called the command, perhaps after others
	// that changed data.
	AfterOthers bool

	text  string
	ofKey bool  // whether the permission concerns a key
	err   error // from the server
}

// ForKey returns e with a rule that permits the key, if the permission concerns
// a key. Otherwise it returns e.
func (e *Error) ForKey(rule string) *Error {
	if !e.ofKey || rule == "" {
		return e
	}
	named := *e
	named.text = fmt.Sprintf("it may not access a key of this call; add the rules of keyspace.Layout.ACL, such as %q; docs/security.md lists them", rule)
	return &named
}

func (e *Error) Error() string { return fmt.Sprintf("%v: %s (%v)", ErrNoPermission, e.text, e.err) }

// Is reports whether target is [ErrNoPermission].
func (e *Error) Is(target error) bool { return target == ErrNoPermission }

// Unwrap returns the error of the server.
func (e *Error) Unwrap() error { return e.err }

// Explain returns an *[Error] if the server refused err's command because of a
// missing permission. Otherwise it returns err.
func Explain(err error) error {
	text := serverText(err)
	if text == "" || errors.Is(err, ErrNoPermission) {
		return err
	}
	inScript := strings.Contains(text, "on @user_script") || strings.Contains(text, "NOPERM ACL failure in script")
	inScriptBefore72 := strings.HasPrefix(text, "The user executing the script can't ") // Redis before 7.2
	inTransaction := strings.HasPrefix(text, "EXECABORT") && strings.Contains(text, "NOPERM ")
	if !strings.HasPrefix(text, "NOPERM") && !inScriptBefore72 && !inTransaction {
		return err
	}
	e := &Error{AfterOthers: (inScript || inScriptBefore72) && !isFirstCall(text), err: err}
	switch {
	case commandPattern.MatchString(text):
		e.setCommand(commandPattern.FindStringSubmatch(text)[1])
	case strings.Contains(text, "key"):
		e.ofKey = true
		e.text = "it may not access a key of this call; add the key patterns of the repository" + listedHint
	case strings.Contains(text, "channel"):
		e.text = "it may not use a channel of this call; add the channel patterns of the repository" + listedHint
	case inScriptBefore72:
		e.findCommand(text)
	default:
		e.text = "add the permissions of the repository" + listedHint
	}
	return e
}

// serverText returns the text of the server's error. It is empty if err is
// another error. The text of rueidis.ErrNoCache begins with the error of
// CLIENT TRACKING, which rueidis sends when it connects.
func serverText(err error) string {
	var refused *rueidis.RedisError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, rueidis.ErrNoCache):
		return err.Error()
	}
	return ""
}

const listedHint = ", which docs/security.md lists"

// setCommand sets the command for which the user has no permission.
func (e *Error) setCommand(name string) {
	e.Rule = "+" + strings.ToLower(name)
	e.text = fmt.Sprintf("it may not run %s; add the rule %s with ACL SETUSER; docs/security.md lists the rules of each repository", strings.ToUpper(name), e.Rule)
}

// isFirstCall reports whether the line that Redis names is the first of the
// script, after comments, and calls one command.
func isFirstCall(text string) bool {
	lines, n := scriptLine(text)
	isCode := func(line string) bool { return line != "" && !strings.HasPrefix(line, "--") }
	return n < len(lines) && len(calledCommands(lines[n])) == 1 && slices.IndexFunc(lines, isCode) == n
}

// scriptLine returns the lines of the script that Redis names by its digest,
// and the index of the line. The lines are nil if the script or the line is not
// known.
func scriptLine(text string) (lines []string, n int) {
	location := scriptLinePattern.FindStringSubmatch(text)
	if location == nil {
		return nil, 0
	}
	source, ok := Script(location[1])
	if !ok {
		return nil, 0
	}
	lines = strings.Split(source, "\n")
	if n, _ = strconv.Atoi(location[2]); n < 1 || n > len(lines) {
		return nil, 0
	}
	return lines, n - 1
}

// findCommand looks for the command in the script that Redis names by its
// digest and line. If several commands are possible, it names all of them.
func (e *Error) findCommand(text string) {
	e.text = "a script may not run one of its commands; add the commands of the repository" + listedHint
	lines, n := scriptLine(text)
	if lines == nil {
		return
	}
	candidates := calledCommands(lines[n])
	if len(candidates) == 0 {
		candidates = calledCommands(strings.Join(lines, "\n"))
	}
	if len(candidates) == 1 {
		e.setCommand(candidates[0])
		return
	}
	e.text = fmt.Sprintf("a script may not run one of %s; add the commands of the repository%s", strings.Join(candidates, ", "), listedHint)
}

// Patterns of the server's errors. Within a script, Redis 7.0 names no command,
// but the digest of the script and the line.
var (
	commandPattern    = regexp.MustCompile(`run the '([^']+)' command`)
	scriptLinePattern = regexp.MustCompile(`script: ([0-9a-f]{40}), on @user_script:(\d+)`)
)

// Patterns of the scripts. A script calls a command by its name, through a
// local function with a parameter called command, or through a local variable
// of that name.
var (
	callPattern     = regexp.MustCompile(`redis\.p?call\('([A-Za-z]+)'`)
	functionPattern = regexp.MustCompile(`local function (\w+)\(((?:\w+, )*)command\b`)
	variablePattern = regexp.MustCompile(`local command = .*`)
	namePattern     = regexp.MustCompile(`'([A-Z]+)'`)
)

// calledCommands returns the commands that a script, or a line of it, calls.
func calledCommands(source string) []string {
	all := firstGroups(callPattern, source)
	for _, line := range variablePattern.FindAllString(source, -1) {
		all = append(all, firstGroups(namePattern, line)...)
	}
	for _, f := range functionPattern.FindAllStringSubmatch(source, -1) {
		preceding := strings.Count(f[2], ",")
		argument := regexp.MustCompile(fmt.Sprintf(`\b%s\((?:[^,()]*,){%d} *'([A-Z]+)'`, f[1], preceding))
		all = append(all, firstGroups(argument, source)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// firstGroups returns the first group of each match, in upper case.
func firstGroups(pattern *regexp.Regexp, source string) []string {
	var all []string
	for _, match := range pattern.FindAllStringSubmatch(source, -1) {
		all = append(all, strings.ToUpper(match[1]))
	}
	return all
}

// scripts maps the SHA1 digest of a script to its source.
var scripts sync.Map

// Script returns the source of a registered script by its SHA1 digest.
func Script(sha string) (source string, ok bool) {
	v, ok := scripts.Load(sha)
	if !ok {
		return "", false
	}
	return v.(string), true
}

// RegisterScript stores the source of a script for [Explain] and [Script], and
// returns it.
func RegisterScript(source string) string {
	sum := sha1.Sum([]byte(source))
	scripts.Store(hex.EncodeToString(sum[:]), source)
	return source
}
