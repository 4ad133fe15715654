package codec

// isNull says that text is null inside any number of quotes.
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

// guardNull adds a pair of quotes to the text from dst[start:] on where it could be taken for nil.
func quoteNull(dst []byte, start int) []byte {
	if !isQuotedNull(dst[start:]) {
		return dst
	}
	dst = append(dst, '"', '"')
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start] = '"'
	return dst
}

// unguardNull takes away what guardNull added.
func unquoteNull(text string) string {
	if isQuotedNull(text) && text != "null" {
		return text[1 : len(text)-1]
	}
	return text
}
