// Package codec converts Go values to the bytes of Redis values and back.
//
// A [Codec] defines the format. This package has three: [Compact], [JSON] and
// [MsgPack]. Repositories use Compact unless they are given another one. A
// codec of your own only needs the three methods of the interface.
//
// The rules below say how values are stored, and which types can be. For a type
// that cannot be stored, the constructor of the repository returns an error.
//
// # Representation of Go types
//
// Compact writes what the Python package writes, so that both can work on the
// same records. A whole value is a field of a hash, the value of a key, or an
// item of a list. Compact writes it as text if it has no parts, and as JSON
// otherwise.
//
//	Go type                     whole value                 inside JSON
//	bool                        1 or 0                      see below
//	string                      verbatim                    string
//	int, int8, ..., uintptr     decimal                     number
//	float32, float64            1.0, 1e+16, NaN, Infinity   the same, unquoted
//	time.Time                   2024-05-06T07:08:09.5Z      the same, quoted
//	time.Duration               1h30m0s                     the same, quoted
//	[]byte                      verbatim                    base64
//	encoding.TextMarshaler      its text                    the same, quoted
//	big.Int                     decimal                     number
//	json.Marshaler              its JSON                    its JSON
//	json.Number                 its digits                  number
//	json.RawMessage             itself                      itself
//	struct, map                 JSON object                 object
//	slice, array                JSON array                  array
//	*T                          as T                        as T
//	any                         by its dynamic type         by its dynamic type
//	nil                         null                        null
//
// Inside JSON, Compact writes a bool as "1" or "0" if a struct contains it, as
// Python's models do, and as true or false otherwise. A hash has no field for
// nil.
//
// JSON and MsgPack use the same representation for whole values and for parts.
//
//	Go type                     JSON                        MsgPack
//	bool                        true or false               bool
//	string                      string                      str
//	int, int8, ..., uintptr     number                      int
//	float32, float64            number                      float
//	time.Time                   RFC 3339 in UTC, quoted     timestamp
//	time.Duration               nanoseconds                 int, in nanoseconds
//	[]byte                      base64                      bin
//	encoding.TextMarshaler      its text, quoted            str
//	big.Int                     number                      str
//	json.Marshaler              its JSON                    str, of its JSON
//	json.Number                 number                      str
//	struct, map                 object                      map
//	slice, array                array                       array
//	*T                          as T                        as T
//	any                         by its dynamic type         by its dynamic type
//	nil                         null                        nil
//
// The keys of a map are sorted, so equal maps have equal encodings. A key must
// be a string, an integer, a bool, a [time.Time], a [time.Duration] or a type
// that is stored as text. JSON is UTF-8 without HTML escaping. JSON has no NaN
// and no infinity: encoding one with the JSON codec is an error. A float in an
// any has a decimal point or an exponent, so it is decoded as a float again.
//
// In Compact, nil and the text null would be the same for types such as *string
// and []byte. If such a text is null inside any number of quotes, Compact adds
// a pair of quotes. Decoding removes it.
//
// # Decoding
//
// Decoding replaces the whole value. Every value of every supported type is
// decoded as an equal value. Times are equal in the sense of [time.Time.Equal].
// The exceptions are values of type any, fields that their tags omit or that
// another field hides, and the space around a [json.RawMessage].
//
// An any is decoded as nil, bool, int64, float64, string, []any or
// map[string]any. An integer that does not fit an int64, or a float that does
// not fit a float64, is decoded as a [json.Number]. MsgPack also decodes []byte
// and [time.Time]. In Compact, a whole value that is not JSON is a string.
//
// Compact accepts more than it writes, because other programs write to the same
// records:
//
//   - a bool may be 1, 0, true, false, True, False, TRUE, FALSE, t, f, T or F,
//     and inside JSON also a string or a number with one of these;
//   - a float may be an integer, and NaN and the infinities may be written as
//     nan, inf, Inf, +inf, +Inf, -inf and -Inf;
//   - a time may have any offset or none, which means UTC, a space in place of
//     the T, and no time of day, which means midnight;
//   - a duration may be an integer, in nanoseconds, or the text of a Python
//     timedelta, such as "1 day, 0:00:02.500000".
//
// Inside JSON, the JSON codec accepts the same except for NaN and infinities.
// MsgPack accepts a str for a bin, a bin for a str, an int for a float that can
// represent it, and a str for a time. It skips extensions that no field needs.
//
// Members of a JSON object without a field in the struct are ignored. Names are
// case-sensitive. If a name is repeated, the last value counts. Fields without
// a member are zero.
//
// If a stored value does not fit, decoding returns a [*DecodeError] with the
// path of the part that does not fit. It never contains the stored value.
// Nothing is truncated or replaced by a zero value, and integers are never
// rounded. Decimal digits are decoded as the nearest float. A binary number of
// MessagePack must fit its type exactly.
//
// Decoding a value may take a limited amount of memory, [DefaultMaxDecoded] or
// the limit in [github.com/symphony-go/symphony/pool.Config]. The text of a big
// number may have 100,000 bytes. If a limit is exceeded, the error wraps
// [ErrTooLarge]. Values may be nested 10,000 levels deep.
//
// # Struct fields and tags
//
// A struct is stored by its exported fields, in a record as in a value. The
// name of a field is the name in its redis tag, else the name in its json tag,
// else its Go name:
//
//	type Profile struct {
//		Name  string    `redis:"name"`
//		Email string    `json:"email,omitempty"`
//		Seen  time.Time `redis:"seen,omitzero"`
//		Token string    `redis:"-"`
//	}
//
// The tag `redis:"-"` excludes a field. So does `json:"-"` if the field has no
// redis tag. The name in the tag `redis:"-,"` is "-".
//
// These options follow the name, separated by commas. The options of the json
// tag count only if the redis tag has no name. An unknown option in a redis tag
// is an error.
//
//   - omitempty: the field is not written if its value is false, 0, nil, or an
//     empty string, array, slice or map. A struct is never empty.
//   - omitzero: the field is not written if its value is zero. If the type has
//     an IsZero method, the method decides.
//   - version (redis tag only): the field holds the version of a record.
//   - extra (redis tag only): the field holds the fields of a record that its
//     type does not have.
//   - string (json tag only): inside a value, this option is an error on a
//     bool, string or number. In a record it has no effect, because the fields
//     of a record are text already.
//
// The options version and extra are for the fields of a record, see
// [github.com/symphony-go/symphony/hashrepo.HashRepo]. Inside a value they are
// an error.
//
// The fields of an embedded struct are stored as if they were fields of the
// outer struct, through pointers too. An embedded struct is stored as a single
// field if it has a name in its tag, or if it is exported and marshals itself
// as text or JSON, as [time.Time] does. If two fields have the same name, the
// less deeply embedded one hides the other. Two fields of the same name at the
// same depth are an error.
//
// # Types with methods
//
// A type that implements [encoding.TextMarshaler] and
// [encoding.TextUnmarshaler] is stored as its text. A type that implements
// [json.Marshaler] and [json.Unmarshaler] is stored as its JSON. If it
// implements all four, it is stored as its text. The methods may have pointer
// receivers. Other methods that encode are not called, and neither are those of
// a record itself.
//
// If a struct has the methods only because it embeds a type that has them, it
// is stored by its fields, unless the embedded type is its only field and not a
// pointer.
//
// # Types that cannot be stored
//
// [For] and the constructors of the repositories refuse a type whose values
// could not be decoded as equal values. The error is a [*SchemaError], which
// names the part of the type and wraps [ErrUnstorable]. These types are
// refused:
//
//   - channels, functions, complex numbers and unsafe pointers;
//   - interfaces with methods;
//   - pointers to types that can be nil, such as **T and *[]T;
//   - maps with other keys than those listed above;
//   - types that implement only one interface of a pair above;
//   - structs that have fields but none that can be stored;
//   - structs with unexported fields that only methods such as MarshalBinary,
//     GobEncode or EncodeMsgpack encode;
//   - for MsgPack, types with methods for MessagePack that are not stored as
//     text or JSON;
//   - a [Value] as a part of another value.
//
// A type that can be stored may still have values that cannot be encoded, such
// as a string inside JSON that is not valid UTF-8, a time before the year 0 or
// after the year 9999, and a value that contains itself. Encoding returns an
// [*EncodeError] for those.
package codec
