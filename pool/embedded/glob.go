package embedded

import (
	"strings"
	"unicode/utf8"

	mini "github.com/alicebob/miniredis/v2/server"
)

// rewriteGlobs is a hook that rewrites the globs of commands before miniredis
// converts them to regular expressions. The conversion panics, which ends the
// process, for a byte that is not valid UTF-8, and for an escaped backslash
// before an E.
func rewriteGlobs(_ *mini.Peer, cmd string, args ...string) bool {
	switch cmd {
	case "KEYS":
		if len(args) > 0 {
			args[0] = safeGlob(args[0])
		}
	case "SCAN", "HSCAN", "SSCAN", "ZSCAN":
		for i := 1; i < len(args); i++ {
			if strings.EqualFold(args[i-1], "MATCH") {
				args[i] = safeGlob(args[i])
			}
		}
	}
	return false
}

// safeGlob replaces the parts of a glob that a regular expression cannot
// contain with "?", which matches any character. The result may match more keys
// than the glob.
func safeGlob(glob string) string {
	var b strings.Builder
	for rest := glob; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		text := rest[:n]
		switch {
		case r == utf8.RuneError && n == 1:
			text = "?"
		case strings.HasPrefix(rest, `\\`):
			text, n = "?", 2
		case r == '\\' && len(rest) > 1 && rest[1] >= utf8.RuneSelf:
			text = "" // the backslash has no effect before this character
		case r == '\\' && len(rest) > 1:
			text, n = rest[:2], 2
		}
		b.WriteString(text)
		rest = rest[n:]
	}
	return b.String()
}
