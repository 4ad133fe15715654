package keyspace

import "strings"

// matchesNothing is a glob with an empty class, which no byte is in.
const matchesNothing = "[]"

// writeGlob writes text so that in a glob it matches itself alone. Outside a
// class, ^ and - mean themselves.
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
