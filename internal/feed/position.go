package feed

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
)

// Position is the place of an entry: the time of the server in milliseconds,
// and a number. The numbers of a feed follow each other. The first one is
// random, so that a feed which was removed and begun again has other numbers.
// See lua/append.lua. The zero Position is before the first entry.
type Position struct{ ms, number uint64 }

// Numbers have 19 digits. The last 8 of them count the entries.
const (
	leastNumber = 1_000_000_000_000_000_000
	mostNumber  = 9_999_999_999_999_999_999
	counts      = 100_000_000
)

// ParsePosition returns the position of a cursor. If it is not one that
// [Position.String] returns, the error is [fault.ErrInvalidCursor].
func ParsePosition(cursor string) (Position, error) {
	if cursor == "" {
		return Position{}, nil
	}
	if p, ok := parsePosition(cursor); ok {
		return p, nil
	}
	return Position{}, fmt.Errorf("%w: it is not one that a feed returned; pass the cursor of an entry, or an empty one to begin with the first entry", fault.ErrInvalidCursor)
}

func parsePosition(text string) (Position, bool) {
	left, right, _ := strings.Cut(text, "-")
	ms, errMS := strconv.ParseUint(left, 10, 64)
	number, errNumber := strconv.ParseUint(right, 10, 64)
	canonical := left != "" && left[0] != '0' && left[0] != '+' && len(right) == 19
	if errMS != nil || errNumber != nil || !canonical || number < leastNumber || number > mostNumber {
		return Position{}, false
	}
	return Position{ms, number}, true
}

// String returns the cursor of the position.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	b := make([]byte, 0, 34)
	b = strconv.AppendUint(b, p.ms, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, p.number, 10))
}

// id returns the id in the stream of an entry with a value.
func (p Position) id() string { return valueID + strconv.FormatUint(p.number, 10) }

// The starts of the ids of the entries of a stream. See lua/append.lua.
const (
	valueID = "1-"
	endID   = "2-" // it ends the feed and has no value
)

// IsZero reports whether p is before the first entry.
func (p Position) IsZero() bool { return p == Position{} }

// before reports whether p is before another position. It is not if the other
// one is zero, p, or one of the entries before p. In a feed that began again,
// every position is later.
func (p Position) before(other Position) bool {
	return !other.IsZero() && p.number-other.number >= counts
}

// follows reports whether an entry at p is the next one after another.
func (p Position) follows(other Position) bool { return p.number == other.number+1 }

// isFirst reports whether an entry at p is the first one of its feed.
func (p Position) isFirst() bool { return p.number%counts == 1 }
