package codec_test

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/codec"
)

type Visit struct {
	Page  string        `redis:"page"`
	At    time.Time     `redis:"at"`
	Spent time.Duration `redis:"spent"`
	Paid  bool          `redis:"paid"`
	Note  *string       `redis:"note"`
}

func Example() {
	visit := Visit{Page: "/home", At: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Spent: 90 * time.Second, Paid: true}
	for _, c := range []codec.Codec{codec.Compact, codec.JSON} {
		data, err := c.Marshal(visit)
		fmt.Printf("%s: %s %v\n", c.Name(), data, err)
	}
	// Output:
	// compact: {"page":"/home","at":"2024-05-06T07:08:09Z","spent":"1m30s","paid":"1","note":null} <nil>
	// json: {"page":"/home","at":"2024-05-06T07:08:09Z","spent":90000000000,"paid":true,"note":null} <nil>
}

func ExampleDecodeError() {
	var visit Visit
	err := codec.Compact.Unmarshal([]byte(`{"page": "/home", "paid": "perhaps"}`), &visit)

	var bad *codec.DecodeError
	if errors.As(err, &bad) {
		fmt.Println(bad.Field, bad.Type, bad.Err)
	}
	fmt.Println(err)
	// Output:
	// paid bool it is no bool
	// codec: field "paid": the stored value does not fit bool: it is no bool
}

func ExampleFor() {
	typ, err := codec.For(codec.Compact, reflect.TypeFor[[]string]())
	if err != nil {
		panic(err)
	}
	data, err := typ.Append(nil, reflect.ValueOf([]string{"new", "gold"}))
	fmt.Printf("%s %v\n", data, err)

	var tags []string
	err = typ.Decode(`["new", "gold", "beta"]`, reflect.ValueOf(&tags).Elem())
	fmt.Println(tags, err)
	// Output:
	// ["new","gold"] <nil>
	// [new gold beta] <nil>
}

func ExampleFor_refused() {
	type Job struct {
		Done chan struct{}
	}
	_, err := codec.For(codec.Compact, reflect.TypeFor[Job]())
	fmt.Println(err)
	fmt.Println(errors.Is(err, codec.ErrUnstorable))
	// Output:
	// codec: Job.Done: chan struct {} cannot be stored; leave it out with `redis:"-"`
	// true
}

func ExampleValue() {
	stored := codec.NewValue(codec.Compact, []byte("42"))
	n, err := stored.Int()
	fmt.Println(n, err)

	_, err = stored.Bool()
	fmt.Println(err)
	// Output:
	// 42 <nil>
	// codec: the stored value does not fit bool: it is no bool
}

// Mask is a codec of one's own: JSON with every bit turned over.
type Mask struct{}

func (Mask) Name() string { return "mask" }

func (Mask) Marshal(v any) ([]byte, error) {
	data, err := codec.JSON.Marshal(v)
	return flip(data), err
}

func (Mask) Unmarshal(data []byte, v any) error {
	return codec.JSON.Unmarshal(flip(data), v)
}

func flip(data []byte) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		out[i] = ^c
	}
	return out
}

func ExampleCodec() {
	data, err := Mask{}.Marshal([]int{1, 2})
	fmt.Printf("%q %v\n", data, err)

	var list []int
	err = Mask{}.Unmarshal(data, &list)
	fmt.Println(list, err)
	// Output:
	// "\xa4\xce\xd3͢" <nil>
	// [1 2] <nil>
}
