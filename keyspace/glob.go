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
