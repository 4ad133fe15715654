package feed

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
)

// A cursor is either refused, or the text of its position.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{
		"", "1700000000000-1000000000000000001", "0-1000000000000000001", "1-0", "-", "1", "18446744073709551615-18446744073709551615",
		"1-+000000000000000001", "01-1000000000000000001", "99999999999999999999-1000000000000000001", "1-1000000000000000001\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := ParsePosition(cursor)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalidCursor)
			return
		}
		require.Equal(t, cursor, p.String())
	})
}
