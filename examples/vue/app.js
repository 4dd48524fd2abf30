import { createApp } from 'vue';
import UploadFiles from './UploadFiles.js';

createApp(UploadFiles).mount('#app');
