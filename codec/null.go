package codec

// isQuotedNull reports whether text is null inside any number of quotes.
func isQuotedNull[T string | []byte](text T) bool {
	n := len(text) - len("null")
	if n < 0 || n%2 != 0 || string(text[n/2:n/2+4]) != "null" {
		return false
	}
	for i := range n / 2 {
		if text[i] != '"' || text[len(text)-1-i] != '"' {
			return false
		}
	}
	return true
}

// quoteNull adds a pair of quotes to the text at dst[start:] if it could be
// mistaken for nil.
func quoteNull(dst []byte, start int) []byte {
	if !isQuotedNull(dst[start:]) {
		return dst
	}
	dst = append(dst, '"', '"')
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start] = '"'
	return dst
}

// unquoteNull removes the quotes that quoteNull added.
func unquoteNull(text string) string {
	if isQuotedNull(text) && text != "null" {
		return text[1 : len(text)-1]
	}
	return text
}
