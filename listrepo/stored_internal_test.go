package listrepo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
)

// Whatever stands beside a queue, the parsers of headers and entries return,
// and keep nothing that the text does not contain.
func FuzzStoredTexts(f *testing.F) {
	for _, seed := range []string{
		"", "1000-T", "1000-T+1", "1000-T 1=5-a-1=2 2=5-a-2=3~1", "1000-T 1=2", "1000-T x=y=z", "0000000001 5-a-1 2 value",
		"0000000001+ 5-a-1 3~1 a b c", "1 2 3", "1 2 99999999999999999999 v", strings.Repeat("9", 400), "\x00 \xff  ", "   ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, value, ok := parseWaiting(text); ok {
			require.Contains(t, text, d.id)
			require.True(t, strings.HasSuffix(text, value))
		}
		l := lease{target: fault.Target{Op: "Claim"}}
		if err := l.parseHeader(text); err != nil {
			require.Less(t, len(err.Error()), 4*len(text)+200)
			return
		}
		require.True(t, strings.HasPrefix(text, l.birth))
		require.LessOrEqual(t, len(l.redelivered), strings.Count(text, " "))
		for _, d := range l.redelivered {
			require.Contains(t, text, d.id)
		}
	})
}
