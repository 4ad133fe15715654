package codec

// arena provides memory for the strings of a value.
//
// If the JSON is a string, the strings are parts of it and keep all of it in
// memory. If the JSON is a large byte slice of the caller, copies is set, and
// the strings are copied, one after another, into chunks of at most
// largestChunk bytes. A longer string has a chunk of its own. That takes hardly
// more allocations and less memory than a copy of the whole JSON, and a string
// that outlives the value keeps only its chunk in memory.
type arena struct {
	copies  bool   // the JSON belongs to the caller, so strings must be copied
	chunk   []byte // bytes up to its length never change
	scratch []byte // the last string that had escapes, without them
}

const (
	smallestChunk = 32
	largestChunk  = 4 << 10
)

// retain returns text, which was just read, as a string that a value may keep.
func (r *jsonReader) retain(text string) string {
	if !r.copies {
		return text
	}
	return r.copyString(text)
}

func (r *jsonReader) copyString(text string) string {
	if text == "" {
		return ""
	}
	if len(text) > cap(r.chunk)-len(r.chunk) {
		remaining := len(text) + len(r.data) - r.pos // an upper bound for all further strings
		size := min(max(len(r.data)/3, smallestChunk), largestChunk, remaining)
		r.chunk = make([]byte, 0, max(size, len(text)))
	}
	start := len(r.chunk)
	r.chunk = append(r.chunk, text...)
	return stringView(r.chunk[start:])
}

// unescaped returns text as a string. If copies is set, the string is only
// valid until the next call.
func (r *jsonReader) unescaped(text []byte) string {
	if !r.copies {
		return string(text)
	}
	r.scratch = append(r.scratch[:0], text...)
	return stringView(r.scratch)
}
