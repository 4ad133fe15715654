package fields_test

import (
	"encoding/json"
	"math/big"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fields"
)

type Base struct {
	ID      string `redis:"id"`
	Created time.Time
}

type inner struct {
	Deep int `json:"deep,omitempty"`
}

type Tags []string

type Profile struct {
	Base
	*Meta
	inner
	time.Time
	Tags
	sync.Mutex
	Named   Base   `redis:"base"`
	Name    string `redis:"name,omitzero" json:"other,omitempty"`
	Score   int    `json:"score,omitzero,omitempty"`
	Both    int    `redis:",omitzero" json:"both,omitempty"`
	Plain   bool
	Dash    string `redis:"-,"`
	Kept    string `redis:",omitzero" json:"-"`
	Revised int64  `redis:"v,version"`
	Out     string `redis:"-" json:"out"`
	Gone    string `json:"-"`
	hidden  string
	More    map[string]string `redis:"name,extra"`
}

type Meta struct {
	Note *string `redis:"note"`
}

func TestOf(t *testing.T) {
	list, err := fields.Of(reflect.TypeFor[Profile]())
	require.NoError(t, err)
	type row struct {
		name, goName             string
		zero, empty, vers, extra bool
	}
	var got []row
	for _, f := range list {
		got = append(got, row{f.Name, f.GoName, f.OmitZero, f.OmitEmpty, f.Version, f.Extra})
		require.Equal(t, f.Type, reflect.TypeFor[Profile]().FieldByIndex(f.Index).Type, f.Name)
	}
	require.Equal(t, []row{
		{"id", "Base.ID", false, false, false, false},
		{"Created", "Base.Created", false, false, false, false},
		{"note", "Meta.Note", false, false, false, false},
		{"deep", "inner.Deep", false, true, false, false},
		{"Time", "Time", false, false, false, false},
		{"Tags", "Tags", false, false, false, false},
		{"base", "Named", false, false, false, false},
		{"name", "Name", true, false, false, false},
		{"score", "Score", true, true, false, false},
		{"both", "Both", true, true, false, false},
		{"Plain", "Plain", false, false, false, false},
		{"-", "Dash", false, false, false, false},
		{"Kept", "Kept", true, false, false, false},
		{"v", "Revised", false, false, true, false},
		{"name", "More", false, false, false, true},
	}, got)
}

func TestEmbeddedPointers(t *testing.T) {
	list, err := fields.Of(reflect.TypeFor[Profile]())
	require.NoError(t, err)
	note := list[2]
	p := Profile{}
	v := reflect.ValueOf(&p).Elem()
	_, ok := note.Value(v)
	require.False(t, ok)
	require.Nil(t, p.Meta, "reading allocated")

	text := "x"
	note.Settable(v).Set(reflect.ValueOf(&text))
	require.Equal(t, &text, p.Note)
	got, ok := note.Value(v)
	require.True(t, ok)
	require.Equal(t, &text, got.Interface())

	list[3].Settable(v).SetInt(7)
	require.Equal(t, 7, p.Deep)
	deep, ok := list[3].Value(v)
	require.True(t, ok)
	require.Equal(t, int64(7), deep.Int())
}

type (
	loop  struct{ *Loop }
	Loop  struct{ Ring }
	Ring  struct{ *Loop }
	clash struct {
		A int `redis:"x"`
		B int `json:"x"`
	}
	shadow struct {
		Base
		ID string `redis:"id"`
	}
	Other struct {
		ID int `redis:"id"`
	}
	ambiguous struct {
		Base
		Other
	}
	unknown struct {
		A int `redis:"a,omitnil"`
	}
	secret struct {
		a int `redis:"a"`
	}
	idle struct {
		Base `redis:",omitzero"`
	}
	wasTwice struct {
		A int `redis:"a,was=b"`
		B int `redis:"b"`
	}
	wasBoth struct {
		A int `redis:"a,was=x"`
		Base
		B int `redis:"b,was=y,was=x"`
	}
	wasItself struct {
		A int `redis:"a,was=a"`
	}
	wasNameless struct {
		A int `redis:"a,was="`
	}
	wasEmbedded struct {
		Base `redis:",was=b"`
	}
	renamed struct {
		wasTwice
		A int               `redis:"a,was=first,was=x=y"`
		B int               `redis:",was=one" json:"b"`
		M map[string]string `redis:"first,extra"`
	}
	empties struct {
		A []int `redis:",omitempty"`
	}
	pointer struct{ *inner }
	named   struct {
		inner `redis:"in"`
	}
)

func TestOfRefuses(t *testing.T) {
	for _, tc := range []struct {
		typ  reflect.Type
		text string
	}{
		{reflect.TypeFor[clash](), `fields_test.clash: fields A and B are both stored as "x"; rename one with`},
		{reflect.TypeFor[ambiguous](), `fields Base.ID and Other.ID are both stored as "id"`},
		{reflect.TypeFor[unknown](), `fields_test.unknown.A: unknown option "omitnil" in the redis tag`},
		{reflect.TypeFor[secret](), `fields_test.secret.a: an unexported field cannot be stored`},
		{reflect.TypeFor[idle](), `fields_test.idle.Base: the tag option omitzero has no effect on an embedded struct`},
		{reflect.TypeFor[wasTwice](), `fields_test.wasTwice.A: the option was=b names B, which has the name "b" too`},
		{reflect.TypeFor[wasBoth](), `fields_test.wasBoth.B: the option was=x names A, which has the name "x" too`},
		{reflect.TypeFor[wasItself](), `fields_test.wasItself.A: the option was=a repeats a name of the field`},
		{reflect.TypeFor[wasNameless](), `fields_test.wasNameless.A: unknown option "was="`},
		{reflect.TypeFor[wasEmbedded](), `fields_test.wasEmbedded.Base: the tag option was=b has no effect on an embedded struct`},
		{reflect.TypeFor[loop](), "embeds itself"},
		{reflect.TypeFor[pointer](), "fields_test.pointer.inner: an embedded pointer to an unexported type"},
		{reflect.TypeFor[named](), "cannot have a name in its tag"},
		{reflect.TypeFor[int](), "int is not a struct"},
	} {
		_, err := fields.Of(tc.typ)
		require.ErrorContains(t, err, tc.text)
	}
}

// Old names are in the order of the tag. Those of a hidden field do not count,
// and the name of an extra field is no name of a field.
func TestOfOldNames(t *testing.T) {
	list, err := fields.Of(reflect.TypeFor[renamed]())
	require.NoError(t, err)
	was := map[string][]string{}
	for _, f := range list {
		was[f.GoName] = f.Was
	}
	require.Equal(t, map[string][]string{"A": {"first", "x=y"}, "B": {"one"}, "M": nil}, was)
}

// An outer field hides an embedded field of the same name, whichever comes
// first.
func TestOfShadows(t *testing.T) {
	list, err := fields.Of(reflect.TypeFor[shadow]())
	require.NoError(t, err)
	names := map[string]string{}
	for _, f := range list {
		names[f.Name] = f.GoName
	}
	require.Equal(t, map[string]string{"id": "ID", "Created": "Base.Created"}, names)
	list, err = fields.Of(reflect.TypeFor[empties]())
	require.NoError(t, err)
	require.True(t, list[0].OmitEmpty)
}

type (
	onlyTime struct{ time.Time }
	timeNote struct {
		time.Time
		Note string
	}
	timePtr   struct{ *time.Time }
	numberOwn struct {
		big.Int
		Note string
	}
)

func (n numberOwn) MarshalText() ([]byte, error)     { return nil, nil }
func (n *numberOwn) UnmarshalText(text []byte) error { return nil }

func TestLeaf(t *testing.T) {
	both := fields.Methods{Marshals: true, Unmarshals: true}
	for _, tc := range []struct {
		typ        reflect.Type
		text, json fields.Methods
		leaf       bool
	}{
		{reflect.TypeFor[time.Time](), both, both, true},
		{reflect.TypeFor[big.Int](), both, both, true},
		{reflect.TypeFor[json.RawMessage](), fields.Methods{}, both, true},
		{reflect.TypeFor[string](), fields.Methods{}, fields.Methods{}, false},
		{reflect.TypeFor[onlyTime](), both, both, true},
		{reflect.TypeFor[timeNote](), fields.Methods{}, fields.Methods{}, false},
		{reflect.TypeFor[timePtr](), fields.Methods{}, fields.Methods{}, false},
		{reflect.TypeFor[numberOwn](), both, fields.Methods{}, true},
	} {
		require.Equal(t, tc.text, fields.TextMethods(tc.typ), tc.typ)
		require.Equal(t, tc.json, fields.JSONMethods(tc.typ), tc.typ)
		require.Equal(t, tc.leaf, fields.MarshalsItself(tc.typ), tc.typ)
	}
}

type cold struct{ degrees int }

func (c *cold) IsZero() bool { return c.degrees == -273 }

func TestOmitted(t *testing.T) {
	utc := time.Time{}.In(time.FixedZone("", 3600))
	for _, tc := range []struct {
		value       any
		zero, empty bool
	}{
		{0, true, true}, {1, false, false}, {"", true, true}, {[]int{}, false, true}, {[]int(nil), true, true},
		{(*int)(nil), true, true}, {new(int), false, false}, {utc, true, false}, {cold{}, false, false}, {cold{-273}, true, false},
		{&cold{-273}, true, false}, {(*cold)(nil), true, true}, {[0]int{}, true, true}, {struct{}{}, true, false},
	} {
		v := reflect.ValueOf(tc.value)
		settable := reflect.New(v.Type()).Elem()
		settable.Set(v)
		for _, v := range []reflect.Value{v, settable} {
			f := fields.Field{Type: v.Type()}
			require.False(t, f.OmitFunc()(v), "%#v", tc.value)
			f.OmitZero = true
			require.Equal(t, tc.zero, f.OmitFunc()(v), "%#v", tc.value)
			f.OmitEmpty = true
			require.Equal(t, tc.zero || tc.empty, f.OmitFunc()(v), "%#v", tc.value)
			f.OmitZero = false
			require.Equal(t, tc.empty, f.OmitFunc()(v), "%#v", tc.value)
		}
	}
}
