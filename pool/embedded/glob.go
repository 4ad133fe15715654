package embedded

import (
	"strings"
	"unicode/utf8"

	mini "github.com/alicebob/miniredis/v2/server"
)

// mendGlobs changes the globs of commands before miniredis makes regular
// expressions of them: a byte that is no UTF-8, and a backslash behind which an
// E stands, end the whole process there.
func mendGlobs(_ *mini.Peer, cmd string, args ...string) bool {
	switch cmd {
	case "KEYS":
		if len(args) > 0 {
			args[0] = mended(args[0])
		}
	case "SCAN", "HSCAN", "SSCAN", "ZSCAN":
		for i := 1; i < len(args); i++ {
			if strings.EqualFold(args[i-1], "MATCH") {
				args[i] = mended(args[i])
			}
		}
	}
	return false
}

// mended has "?", any one character, for what a regular expression does not
// take. It may match more than the glob.
func mended(glob string) string {
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
			text = "" // which may be skipped before what has no meaning of its own
		case r == '\\' && len(rest) > 1:
			text, n = rest[:2], 2
		}
		b.WriteString(text)
		rest = rest[n:]
	}
	return b.String()
}
