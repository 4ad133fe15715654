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
// that is stored as text. A [json.Number] cannot be a key.
//
// JSON is UTF-8 without HTML escaping. JSON has no NaN and no infinity:
// encoding one with the JSON codec is an error. A float in an any has a decimal
// point or an exponent, so it is decoded as a float again.
//
// As whole values in Compact, nil and the text null would be the same for types
// such as *string and []byte. Compact therefore writes the text null of such a
// type in quotes, as "null". If the text is null in any number of pairs of
// quotes, Compact adds another pair. Decoding removes the pair.
//
// # Decoding
//
// Decoding replaces the whole value. Every value of every supported type is
// decoded as an equal value. Times are equal in the sense of [time.Time.Equal].
// The exceptions are:
//
//   - values of type any;
//   - unexported fields, fields that their tags omit, and fields that another
//     field hides;
//   - an embedded pointer to a struct of which no field is written: it is
//     decoded as nil;
//   - the space around a [json.RawMessage].
//
// An any is decoded as nil, bool, int64, float64, string, []any or
// map[string]any. An integer that does not fit an int64, or a float that does
// not fit a float64, is decoded as a [json.Number]. MsgPack also decodes []byte
// and [time.Time]. In Compact, a whole value that is not JSON is decoded as a
// string, except NaN, Infinity, -Infinity, nan, inf and -inf, which are floats.
//
// Compact accepts more than it writes, because other programs write to the same
// records:
//
//   - a whole value that is a bool may be 1, 0, true, false, True, False, TRUE,
//     FALSE, t, f, T or F; 1, 0, true, false, True and False may be in quotes;
//   - inside JSON, a bool may be true, false, the number 1 or 0, or a string
//     with one of the texts above;
//   - a float may be written as an integer;
//   - a whole value that is NaN or an infinity may also be nan, inf, Inf, +inf,
//     +Inf, +Infinity, -inf or -Inf;
//   - a time may have an offset from UTC; a time without an offset is in UTC;
//   - a time may have a space in place of the T;
//   - a time may be a date without a time of day, which means midnight;
//   - a duration may be an integer, in nanoseconds, or the text of a Python
//     timedelta, such as "1 day, 0:00:02.500000".
//
// The JSON codec accepts what Compact accepts inside JSON, except for NaN and
// the infinities.
//
// MsgPack accepts a str for a bin, a bin for a str, an int for a float that can
// represent it, a str for a time, and an int or a float for a [json.Number]. It
// skips extensions that no field needs.
//
// If the struct has no field for a member of a stored object, the member is
// ignored. Names are case-sensitive. If a name is repeated, the last value
// counts. Fields without a member are zero.
//
// If a stored value does not fit, decoding returns a [*DecodeError] with the
// path of the part that does not fit. Its text contains the start of the stored
// value if the type of the part shows that it is no secret. Nothing is
// truncated or replaced by a zero value, and integers are never rounded.
// Decimal digits are decoded as the nearest float. A binary number of
// MessagePack must fit its type exactly.
//
// The memory for decoding a value is limited to [DefaultMaxDecoded] bytes, or
// in a repository to
// [github.com/symphony-go/symphony/pool.Config.MaxDecodedBytes]. The text of a
// number of package big is limited to 100,000 bytes, for encoding too. If a
// value exceeds one of these limits, the error wraps [ErrTooLarge]. Values can
// be nested at most 10,000 levels deep.
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
//   - sealed (redis tag only): the field of a record is encrypted, see
//     [Sealed].
//   - string (json tag only): inside a value, this option is an error on a
//     bool, string or number. In a record it has no effect, because the fields
//     of a record are text already.
//
// The options version, extra and sealed are for the fields of a record, see
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
// is stored by its fields. The exception is a struct whose only other fields
// are unexported, if the embedded type is neither a pointer nor an interface:
// it is stored by the methods.
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
//   - types that implement some of the four interfaces above but neither pair;
//   - structs that have fields but none that can be stored;
//   - structs with unexported fields that only methods such as MarshalBinary,
//     GobEncode or EncodeMsgpack encode;
//   - for MsgPack, types with methods for MessagePack that are not stored as
//     text or JSON;
//   - a [Value] as a part of another value.
//
// A type that can be stored may still have values that cannot be encoded, such
// as a string inside JSON that is not valid UTF-8, a time before the year 0 or
// after the year 9999, a value that contains itself, and an any that holds a
// value of a type that cannot be stored. For such a value, encoding returns an
// [*EncodeError].
package codec
