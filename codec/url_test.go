package codec_test

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// Link is what the refusal of a url.URL asks for.
type Link struct{ url.URL }

func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l *Link) UnmarshalText(text []byte) error { return l.UnmarshalBinary(text) }

// Nobody can give a type of the standard library a method.
func TestTheHintForAURLCanBeFollowed(t *testing.T) {
	_, err := codec.For(codec.Compact, reflect.TypeFor[url.URL]())
	require.ErrorContains(t, err, "wrap what holds it in a type of your own with MarshalText and UnmarshalText")

	u, err := url.Parse("https://joe@example.com/a?b=c#d")
	require.NoError(t, err)
	data, err := codec.Compact.Marshal(Link{*u})
	require.NoError(t, err)
	var back Link
	require.NoError(t, codec.Compact.Unmarshal(data, &back))
	require.Equal(t, u.String(), back.String())
}
