// Package fields lists the stored fields of a struct type: under which name each one is stored, and how to reach it.
//
// A field's name is that of its redis tag, else that of its json tag, else its Go name. A tag of "-" leaves the field
// out; a json tag counts only where the redis tag names nothing. Embedded structs are flattened, through pointers too;
// one that has a name in its tag, or that writes itself as text (time.Time), is a field like any other.
package fields

import (
	"fmt"
	"reflect"
	"strings"
)

// Field is one stored field of a struct type.
type Field struct {
	// Name is the stored name.
	Name string
	// Index leads to the field, through embedded structs and pointers to them.
	Index []int
	// Type is the field's Go type.
	Type reflect.Type
	// OmitZero and OmitEmpty leave the field out where its value is zero, or empty as in encoding/json.
	OmitZero, OmitEmpty bool
	// Version and Extra are the options of the redis tag.
	Version, Extra bool
	// Quoted is the option string of the json tag, on a type for which encoding/json knows it.
	Quoted bool
	// GoName is the field's path in Go, such as "Base.Name", for messages.
	GoName string
}

// Of lists the stored fields of struct type t in the order of their declaration. Of two fields with one stored name the
// less deeply embedded one counts, as in Go. These are errors that name the type and the field: two fields of one name
// at the same depth, an unknown option, an option or a name that would have no effect, an embedded type that cannot be
// reached, and state that only the type's own methods know.
func Of(t reflect.Type) ([]Field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct", t)
	}
	l := lister{root: t, visiting: map[reflect.Type]bool{}}
	if err := l.list(t, nil, ""); err != nil {
		return nil, err
	}
	return l.visible()
}

// Value returns the field in struct v, and false where an embedded pointer on the way is nil.
func (f *Field) Value(v reflect.Value) (reflect.Value, bool) {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0]), true
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// Settable returns the field in struct v, which must be settable, and allocates the nil embedded pointers on the way.
func (f *Field) Settable(v reflect.Value) reflect.Value {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0])
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

type lister struct {
	root     reflect.Type
	visiting map[reflect.Type]bool
	fields   []Field
}

func (l *lister) list(t reflect.Type, index []int, path string) error {
	if l.visiting[t] {
		return fmt.Errorf("%s.%s embeds %s within itself; give the embedded field a name in its tag", l.root, path, t)
	}
	if method, field := marshalMethod(t), unstoredField(t); method != "" && field != "" {
		return fmt.Errorf("%s keeps state in its field %s, which is not exported and only %s knows; "+
			"export the field, mark it with `redis:\"-\"` if it is not to be stored, "+
			"or make the type a field of a record and give it MarshalText and UnmarshalText", t, field, method)
	}
	l.visiting[t] = true
	defer delete(l.visiting, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		f := Field{Index: append(index[:len(index):len(index)], i), Type: sf.Type, GoName: joinPath(path, sf.Name)}
		skip, named, err := l.parseTag(&f, sf)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		if sf.Anonymous && !named {
			done, err := l.flatten(sf, f)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		if !sf.IsExported() {
			if sf.Anonymous && named && Deref(sf.Type).Kind() == reflect.Struct {
				return fmt.Errorf("%s.%s: an embedded type that is not exported cannot have a name of its own; "+
					"export it or take the name out of its tag", l.root, f.GoName)
			}
			if _, tagged := sf.Tag.Lookup("redis"); tagged {
				return fmt.Errorf("%s.%s: a field that is not exported cannot be stored; export it, or take its redis tag away", l.root, f.GoName)
			}
			continue
		}
		l.fields = append(l.fields, f)
	}
	return nil
}

// embedded flattens the embedded field f; false says that it is a field like any other.
func (l *lister) flatten(sf reflect.StructField, f Field) (done bool, err error) {
	t := Deref(sf.Type)
	if t.Kind() != reflect.Struct || MarshalsItself(t) && sf.IsExported() {
		return false, nil
	}
	if sf.Type.Kind() == reflect.Pointer && !sf.IsExported() {
		return false, fmt.Errorf("%s.%s: an embedded pointer to a type that is not exported cannot be filled; "+
			"export the type or embed it by value", l.root, f.GoName)
	}
	if _, options, _ := strings.Cut(sf.Tag.Get("redis"), ","); options != "" {
		return false, fmt.Errorf("%s.%s: the option %s has no effect on an embedded struct, whose fields are stored one by one; "+
			"give it to them, or give the struct a name in its tag", l.root, f.GoName, options)
	}
	return true, l.list(t, f.Index, f.GoName)
}

// visible returns the listed fields without those that a less deeply embedded one of the same name hides.
func (l *lister) visible() ([]Field, error) {
	outer := make(map[string]*Field, len(l.fields))
	for i := range l.fields {
		f := &l.fields[i]
		if other, ok := outer[f.Name]; !f.Extra && (!ok || len(f.Index) < len(other.Index)) {
			outer[f.Name] = f
		}
	}
	all := l.fields[:0:0]
	for i := range l.fields {
		f := &l.fields[i]
		other := outer[f.Name]
		if !f.Extra && f != other {
			if len(f.Index) == len(other.Index) {
				return nil, fmt.Errorf("%s: fields %s and %s are both stored as %q; give one of them another name with `redis:\"name\"`, "+
					"or leave it out with `redis:\"-\"`", l.root, other.GoName, f.GoName, f.Name)
			}
			continue
		}
		all = append(all, *f)
	}
	return all, nil
}

// tag reads the name and the options of a field; named says that a tag gave the name.
func (l *lister) parseTag(f *Field, sf reflect.StructField) (skip, named bool, err error) {
	redis, hasRedis := sf.Tag.Lookup("redis")
	json := sf.Tag.Get("json")
	if redis == "-" || !hasRedis && json == "-" {
		return true, false, nil
	}
	name, options, _ := strings.Cut(redis, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitzero":
			f.OmitZero = true
		case "omitempty":
			f.OmitEmpty = true
		case "version":
			f.Version = true
		case "extra":
			f.Extra = true
		default:
			return false, false, fmt.Errorf("%s.%s: the redis tag has the unknown option %q; it knows omitempty, omitzero, version and extra",
				l.root, f.GoName, option)
		}
	}
	if name == "" && json != "-" {
		name, options, _ = strings.Cut(json, ",")
		for option := range strings.SplitSeq(options, ",") {
			f.OmitEmpty = f.OmitEmpty || option == "omitempty"
			f.OmitZero = f.OmitZero || option == "omitzero"
			f.Quoted = f.Quoted || option == "string" && stringOptionApplies(f.Type)
		}
	}
	f.Name = name
	if name == "" {
		f.Name = sf.Name
	}
	return false, name != "", nil
}

// quotable says that encoding/json knows the option string for the type.
func stringOptionApplies(t reflect.Type) bool {
	switch k := Deref(t).Kind(); k {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64:
		return true
	default:
		return reflect.Int <= k && k <= reflect.Uintptr
	}
}

// Base returns what t points to, or t itself.
func Deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
