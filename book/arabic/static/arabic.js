// What scripts of others show on the Arabic pages.
"use strict";
messages.ar = {
  copy: "نسخ",
  copy_to_clipboard: "نسخ إلى الحافظة",
  copy_success: "نُسخ",
  copy_failure: "تعذّر النسخ",
};
locale = "ar";
