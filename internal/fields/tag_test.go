package fields_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fields"
)

// A redis tag that package reflect does not see is refused. The error names the
// field and says how the tag must look.
func TestMalformedTags(t *testing.T) {
	for _, tag := range []string{
		`redis:'b'`, `redis: "b"`, `redis:b`, `redis : "b"`, `redis:"b`, `json:"x" redis:'b'`, `json:"x",redis:"b"`, `json:'x' redis:"b"`,
		"json:\"x\"\n\tredis:\"b\"", `"redis":"b"`, `redis=b redis:"c"`,
	} {
		t.Run(tag, func(t *testing.T) {
			_, err := fields.Of(taggedStruct(tag))
			require.ErrorContains(t, err, ".B: the tag ")
			require.ErrorContains(t, err, "write it as `redis:\"name,option\"`")
		})
	}
	_, err := fields.Of(taggedStruct(`Redis:"b"`))
	require.ErrorContains(t, err, ".B: the tag Redis:\"b\" has the key Redis; write it as `redis:\"name,option\"`, in lower case")
	_, err = fields.Of(taggedStruct(`redis:"b" json:"c" redis:"d"`))
	require.ErrorContains(t, err, "has the key redis twice")
}

// Tags that have nothing to do with this library may have any form.
func TestOtherTags(t *testing.T) {
	for tag, name := range map[string]string{
		``: "B", `anything`: "B", `json:'x'`: "B", `json: "x"`: "B", `redis:"b"`: "b", `  redis:"b"  json:"c"`: "b", `json:"c"redis:"b"`: "b",
		`doc:"stored as redis: x" json:"c"`: "c", `redis:"a:b,omitzero"`: "a:b", `redis:"redis:x"`: "redis:x",
	} {
		list, err := fields.Of(taggedStruct(tag))
		require.NoError(t, err, tag)
		require.Equal(t, name, list[0].Name, tag)
	}
}

// taggedStruct returns a struct type with the field B, which has a tag.
func taggedStruct(tag string) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "B", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(tag)}})
}
