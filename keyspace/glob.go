package keyspace

import "strings"

// matchesNothing is a glob with an empty class, which matches no byte.
const matchesNothing = "[]"

// writeGlob writes text as a glob that matches only text. Outside a class, "^"
// and "-" have no special meaning.
func writeGlob(b *strings.Builder, text string) {
	for {
		at := strings.IndexAny(text, `*?[]\`)
		if at < 0 {
			b.WriteString(text)
			return
		}
		b.WriteString(text[:at])
		b.WriteByte('\\')
		b.WriteByte(text[at])
		text = text[at+1:]
	}
}

// onlySpace is a class that matches a space, which an ACL pattern cannot
// contain. It excludes all other bytes except NUL, which no part contains. The
// ranges hold whether the server compares signed or unsigned bytes.
const onlySpace = "[^\x01-\x1f!-\x7f\x80-\xff]"

// writeACLGlob writes text as writeGlob does, in the form that ACL SETUSER
// accepts.
func writeACLGlob(b *strings.Builder, text string) {
	for i, part := range strings.Split(text, " ") {
		if i > 0 {
			b.WriteString(onlySpace)
		}
		writeGlob(b, part)
	}
}
