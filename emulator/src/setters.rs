//! Builders: one line for each method that sets one field.

/// Writes the methods of a type that set a field and return the builder, each as
/// `name(argument: Type) => field = value;`.
macro_rules! setters {
    (
        $builder:ident:
        $(
            $(#[$documentation:meta])*
            $name:ident($($argument:ident: $type:ty)?) => $($field:ident).+ = $value:expr;
        )+
    ) => {
        impl $builder {
            $(
                $(#[$documentation])*
                #[must_use]
                pub fn $name(mut self $(, $argument: $type)?) -> Self {
                    self.$($field).+ = $value;
                    self
                }
            )+
        }
    };
}

pub(crate) use setters;
