package expiry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
)

// Whatever stands beside the triggers, the parsers of payloads and statuses
// return. The rule, the origin and the payload are parts of the text.
func FuzzStoredPayloads(f *testing.F) {
	for _, seed := range []string{
		"", "7:compacthello", "~6:origin7:compacthello", "@11:every 600007:compacthello", "@29:cron Europe/Berlin 30 2 * * *", "@11:every 60000~1:o",
		"@999:every 1", "@-1:x", "@1", "~9:x", "~-1:", "99999999999999999999:x", "7:msgpack\xdd\xff\xff\xff\xff", "4:json" + strings.Repeat("[", 1000),
		"1 0 0 2 the last error", "1 0 0", "x y z 0 e", "99999999999999999999 0 0 0 e", "@9:every nan", "@6:cron  ", "\x00\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, rest := splitRule(text)
		if c == nil {
			require.Equal(t, text, rest)
		} else {
			require.Equal(t, text, c.text+rest)
			if c.err == nil {
				again, err := parseRule(strings.TrimPrefix(c.rule.text()[strings.IndexByte(c.rule.text(), ':'):], ":"))
				require.NoError(t, err)
				require.Equal(t, c.rule, again)
			}
		}
		var e Event
		e.setPayload(codec.Compact, text, 1<<20)
		require.Contains(t, text, e.origin)
		var into any
		if e.HasPayload() {
			_ = e.Decode(&into) // its errors are those of package codec
			if name, data, ok := e.Payload(internal.NotForPublicUse{}); ok {
				require.True(t, strings.HasSuffix(text, name+string(data)))
			}
		}
		if err := e.readStatus(text); err != nil {
			require.ErrorIs(t, err, ErrWrongType)
		} else {
			require.True(t, strings.HasSuffix(text, e.LastError))
		}
	})
}
