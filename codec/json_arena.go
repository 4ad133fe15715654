package codec

// texts is where the strings of a value that is being read come from. Where the JSON is a string, they are parts of
// it, and keep all of it in memory. Where it is a large slice of bytes, which is the caller's, they are copied, one
// behind the other, into chunks of a few kilobytes at most: that takes hardly more allocations and less memory than a
// copy of the whole JSON, in which names and numbers are most, and a string that outlives its value keeps no more than
// its chunk.
type arena struct {
	copies  bool   // the JSON is the caller's bytes
	chunk   []byte // what stands in it never changes
	scratch []byte // the last string that was written with escapes
}

const (
	smallestChunk = 32
	largestChunk  = 4 << 10
)

// keep returns a text that the reader has just read as a value may hold it.
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
		remaining := len(text) + len(r.data) - r.pos // more cannot follow
		size := min(max(len(r.data)/3, smallestChunk), largestChunk, remaining)
		r.chunk = make([]byte, 0, max(size, len(text)))
	}
	start := len(r.chunk)
	r.chunk = append(r.chunk, text...)
	return stringView(r.chunk[start:])
}

// unescaped returns a string without its escapes: where the JSON is lent, until the next one is read.
func (r *jsonReader) unescaped(text []byte) string {
	if !r.copies {
		return string(text)
	}
	r.scratch = append(r.scratch[:0], text...)
	return stringView(r.scratch)
}
