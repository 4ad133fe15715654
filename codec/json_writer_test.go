package codec_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/codec"
)

type plainRecord struct {
	Name   string             `json:"name"`
	Age    int                `json:"age,omitempty"`
	Ratio  float64            `json:"ratio"`
	Small  float32            `json:"small"`
	On     bool               `json:"on"`
	Tags   []string           `json:"tags,omitempty"`
	Counts map[string]int     `json:"counts"`
	Levels map[int8][]float64 `json:"levels,omitempty"`
	Bytes  []byte             `json:"bytes"`
	Next   *plainRecord       `json:"next,omitempty"`
	Grid   [2][]bool          `json:"grid"`
	Any    any                `json:"any"`
	At     time.Time          `json:"at,omitzero"`
	Wait   time.Duration      `json:"wait"`
	hidden int
	Meta
}

func plainRecords(depth int) *rapid.Generator[plainRecord] {
	finite := rapid.Float64Range(-1e300, 1e300)
	return rapid.Custom(func(t *rapid.T) plainRecord {
		o := plainRecord{
			Name: texts().Draw(t, "name"), Age: rapid.IntRange(-1, 1).Draw(t, "age"), Ratio: finite.Draw(t, "ratio"),
			Small: rapid.Float32Range(-1e30, 1e30).Draw(t, "small"), On: rapid.Bool().Draw(t, "on"), Tags: listOf(texts()).Draw(t, "tags"),
			Counts: mapOf(texts(), rapid.Int()).Draw(t, "counts"), Levels: mapOf(rapid.Int8(), listOf(finite)).Draw(t, "levels"),
			Bytes: listOf(rapid.Byte()).Draw(t, "bytes"), Grid: [2][]bool{listOf(rapid.Bool()).Draw(t, "grid")},
			Any: rapid.SampledFrom([]any{nil, true, 1, "x", []any{1.5, nil}, map[string]any{"k": uint8(1)}}).Draw(t, "any"),
			At:  rapid.Map(instants(), time.Time.UTC).Draw(t, "at"), Wait: time.Duration(rapid.Int64().Draw(t, "wait")),
			Meta: Meta{rapid.Uint16().Draw(t, "rev")},
		}
		if depth > 0 {
			o.Next = ptrOrNil(plainRecords(depth-1)).Draw(t, "next")
		}
		return o
	})
}

// For types without special rules, the JSON codec writes the same bytes as
// encoding/json.
func TestJSONWritesWhatTheStandardLibraryWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := plainRecords(2).Draw(t, "value")
		data, err := codec.JSON.Marshal(o)
		require.NoError(t, err)
		require.Equal(t, standardJSON(t, o), string(data))
	})
}

func TestTagsOmitFields(t *testing.T) {
	type inner struct {
		Empty []int     `json:"empty,omitempty"`
		Zero  time.Time `redis:"zero,omitzero"`
		Ptr   *int      `json:",omitempty"`
		Out   string    `redis:"-"`
		Dash  string    `json:"-"`
	}
	data, err := codec.Compact.Marshal(inner{Empty: []int{}, Out: "x", Dash: "y"})
	require.NoError(t, err)
	require.Equal(t, `{}`, string(data))
}

type celsius struct{ degrees float64 }

func (c celsius) IsZero() bool                 { return c.degrees == -273 }
func (c celsius) MarshalText() ([]byte, error) { return []byte("cold"), nil }
func (c *celsius) UnmarshalText([]byte) error  { return nil }

func TestOmitZeroAsksIsZero(t *testing.T) {
	type inner struct {
		T celsius  `redis:"t,omitzero"`
		P *celsius `redis:"p,omitzero"`
	}
	data, err := codec.JSON.Marshal(inner{T: celsius{-273}, P: &celsius{-273}})
	require.NoError(t, err)
	require.Equal(t, `{}`, string(data))
	data, err = codec.JSON.Marshal(inner{P: &celsius{}})
	require.NoError(t, err)
	require.Equal(t, `{"t":"cold","p":"cold"}`, string(data))
}
