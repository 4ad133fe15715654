package codec_test

import (
	"database/sql"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// message resembles a generated protocol buffer.
type message struct {
	state struct {
		_     sync.Mutex
		cache *int
	}
	sizeCache     int32
	unknownFields []byte
	Name          string   `protobuf:"bytes,1,opt,name=name" json:"name,omitempty"`
	Tags          []string `protobuf:"bytes,2,rep,name=tags" json:"tags,omitempty"`
}

// decimal resembles the decimal types of other packages, which have methods for
// every format.
type decimal struct {
	value *big.Int
	exp   int32
}

func (d decimal) MarshalText() ([]byte, error) {
	return []byte(d.value.String() + "e" + strconv.Itoa(int(d.exp))), nil
}

func (d *decimal) UnmarshalText(data []byte) error {
	for i, c := range data {
		if c == 'e' {
			n, err := strconv.Atoi(string(data[i+1:]))
			d.exp = int32(n)
			d.value, _ = new(big.Int).SetString(string(data[:i]), 10)
			return err
		}
	}
	return errors.New("no decimal")
}
func (d decimal) MarshalJSON() ([]byte, error)   { return []byte(`"json"`), nil }
func (d *decimal) UnmarshalJSON([]byte) error    { return errors.New("not called") }
func (d decimal) MarshalBinary() ([]byte, error) { return []byte("binary"), nil }
func (d *decimal) UnmarshalBinary([]byte) error  { return errors.New("not called") }
func (d decimal) GobEncode() ([]byte, error)     { return []byte("gob"), nil }
func (d *decimal) GobDecode([]byte) error        { return errors.New("not called") }

// uuid resembles the UUID types of other packages.
type uuid [16]byte

func (u uuid) MarshalText() ([]byte, error) {
	return []byte(big.NewInt(0).SetBytes(u[:]).Text(16)), nil
}
func (u uuid) MarshalBinary() ([]byte, error)     { return u[:], nil }
func (u *uuid) UnmarshalBinary(data []byte) error { copy(u[:], data); return nil }
func (u *uuid) UnmarshalText(data []byte) error {
	n, ok := new(big.Int).SetString(string(data), 16)
	if !ok {
		return errors.New("no uuid")
	}
	n.FillBytes(u[:])
	return nil
}

// cached marshals itself as text and has an unexported cache.
type cached struct {
	text  string
	parts []string
}

func (c cached) MarshalText() ([]byte, error)  { return []byte(c.text), nil }
func (c *cached) UnmarshalText(b []byte) error { c.text = string(b); return nil }

// selfJSON returns its JSON from MarshalBinary, which go-redis calls.
type selfJSON struct {
	Name string
	mu   sync.Mutex
}

func (s *selfJSON) MarshalBinary() ([]byte, error)    { return json.Marshal(s) }
func (s *selfJSON) UnmarshalBinary(data []byte) error { return json.Unmarshal(data, s) }

// writeOnlyJSON has one method of a pair.
type writeOnlyJSON struct{ N int }

func (writeOnlyJSON) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

type box[T any] struct{ V T }

type textBox[T any] struct {
	time.Time
	V T
}

func (b textBox[T]) MarshalText() ([]byte, error)     { return json.Marshal(b.V) }
func (b *textBox[T]) UnmarshalText(data []byte) error { return json.Unmarshal(data, &b.V) }

var (
	_ gob.GobEncoder             = decimal{}
	_ encoding.BinaryUnmarshaler = (*uuid)(nil)
)

// Types that programs commonly use are decoded as equal values, alone and
// inside other types.
func TestUsualTypesAreStored(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, in := range []any{
		message{Name: "n", Tags: []string{"a"}}, decimal{big.NewInt(125), -2}, uuid{1, 2, 15: 3}, cached{text: "t"},
		sql.NullString{String: "s", Valid: true}, sql.NullTime{Time: now, Valid: true}, sql.Null[int64]{V: 5, Valid: true}, now, time.Hour,
		time.March, netip.MustParseAddr("10.0.0.1"), netip.MustParsePrefix("10.0.0.0/8"), box[int]{5}, box[*decimal]{&decimal{big.NewInt(1), 1}},
		textBox[int]{V: 5}, selfJSON{Name: "n"}, *big.NewInt(7),
	} {
		typ := reflect.TypeOf(in)
		values := []reflect.Value{reflect.New(typ).Elem()}
		values[0].Set(reflect.ValueOf(in))
		for _, outer := range nestings(typ)[1:5] {
			v := reflect.New(outer).Elem()
			switch {
			case outer == reflect.PointerTo(typ):
				v.Set(values[0].Addr())
			case outer == reflect.SliceOf(typ):
				v.Set(reflect.Append(v, values[0]))
			case outer == reflect.SliceOf(reflect.PointerTo(typ)):
				v.Set(reflect.Append(v, values[0].Addr()))
			default:
				v.Set(reflect.MakeMap(outer))
				v.SetMapIndex(reflect.ValueOf("k"), values[0])
			}
			values = append(values, v)
		}
		for _, c := range codecs {
			for _, v := range values {
				typ, err := codec.For(c, v.Type())
				require.NoError(t, err, "%s %s", c.Name(), v.Type())
				data, err := typ.Append(nil, v)
				require.NoError(t, err, "%s %s", c.Name(), v.Type())
				out := reflect.New(v.Type()).Elem()
				require.NoError(t, typ.Decode(string(data), out), "%s %s", c.Name(), v.Type())
				require.Equal(t, v.Interface(), out.Interface(), "%s %s %s", c.Name(), v.Type(), data)
			}
		}
	}
}

// The error for a type that cannot be stored says how to change that.
func TestRefusalHasAHint(t *testing.T) {
	for _, tc := range []struct {
		typ  reflect.Type
		hint string
	}{
		{reflect.TypeFor[atomic.Int64](), "store a string in its place"},
		{reflect.TypeFor[atomic.Pointer[int]](), "store a string in its place"},
		{reflect.TypeFor[sync.Mutex](), "exclude the field with `redis:\"-\"`"},
		{reflect.TypeFor[error](), "use any or a struct"},
		{reflect.TypeFor[chan int](), "exclude the field with `redis:\"-\"`"},
		{reflect.TypeFor[func()](), "exclude the field with `redis:\"-\"`"},
		{reflect.TypeFor[url.URL](), "MarshalText"},
		{reflect.TypeFor[writeOnlyJSON](), "no UnmarshalJSON; add it"},
		{reflect.TypeFor[binaryMoney](), "export the field"},
	} {
		for _, outer := range nestings(tc.typ) {
			for _, c := range codecs {
				_, err := codec.For(c, outer)
				require.ErrorIs(t, err, codec.ErrUnstorable, "%s %s", c.Name(), outer)
				require.ErrorContains(t, err, tc.hint, "%s %s", c.Name(), outer)
			}
		}
	}
}

// Link does what the error for a url.URL recommends.
type Link struct{ url.URL }

func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l *Link) UnmarshalText(text []byte) error { return l.UnmarshalBinary(text) }

// The hint for a type of the standard library must not ask for methods on that
// type.
func TestTheHintForAURLCanBeFollowed(t *testing.T) {
	_, err := codec.For(codec.Compact, reflect.TypeFor[url.URL]())
	require.ErrorContains(t, err, "wrap the type that contains it in one of your own with MarshalText and UnmarshalText")

	u, err := url.Parse("https://joe@example.com/a?b=c#d")
	require.NoError(t, err)
	data, err := codec.Compact.Marshal(Link{*u})
	require.NoError(t, err)
	var back Link
	require.NoError(t, codec.Compact.Unmarshal(data, &back))
	require.Equal(t, u.String(), back.String())
}
